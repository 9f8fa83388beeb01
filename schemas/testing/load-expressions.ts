import { loadExpressions } from '../admissionregistration/expression-loading.ts';
import { loadRules } from '../apiextensions/rule-loading.ts';
import { loadDeviceExpressions } from '../resource/expression-loading.ts';

/** What the pipeline loads before it validates kinds with expressions (beforeValidation), for tests that validate themselves. */
export async function loadAllExpressions(): Promise<void> {
  await Promise.all([loadExpressions(), loadRules(), loadDeviceExpressions()]);
}
