import type { DynamicObject } from '../meta/object.ts';
import { statusOf } from '../meta/status.ts';
import { applyJsonPatch, checkOperationTypes } from '../patch/json-patch.ts';
import { applyMergePatch } from '../patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../patch/strategic-merge.ts';
import { builtinSchemas } from '../registry.ts';
import { comparable, create, scenario, targetOf, update, type Step, type Target } from './golden.ts';

export interface Outcome {
  readonly step: string;
  readonly matches: boolean;
  readonly expected: string;
  readonly actual: string;
}
/** Answers of allocators and of the pipeline, which are not the schemas'. */
const NOT_OURS = /chosen twice|out of range|network address|dual stack required|wrong family/;
const COMPARED = new Set([200, 201, 400, 422]);

/** Plays the writes of one scenario that need nothing but schemas; compares each answer with the recorded one. */
export function replay(name: string): Outcome[] {
  const { steps, recorded } = scenario(name);
  const store = new Map<string, DynamicObject>();
  const out: Outcome[] = [];
  for (const step of steps) {
    const target = targetOf(step.path);
    if (target === undefined || !isPlayable(step, target)) continue;
    const result = play(step, target, store);
    if (result === undefined) continue;
    const { key, answer } = result;
    const golden = recorded.get(step.name);
    const failed = (answer as { kind: string }).kind === 'Status';
    if (!failed && !step.path.includes('dryRun')) store.set(key, answer as DynamicObject);
    if (golden === undefined || !COMPARED.has(golden.status) || step.keep !== undefined || step.keys !== undefined)
      continue;
    const sent = step.method === 'PATCH' ? answer : step.body;
    const expected = sorted(comparable(golden.body, sent));
    const actual = sorted(comparable(answer, sent));
    out.push({ step: `${name}: ${step.name}`, matches: expected === actual, expected, actual });
  }
  return out;
}
function isPlayable(step: Step, target: Target): boolean {
  if (step.body === undefined || step.as !== undefined || target.subresource !== '') return false;
  if (step.method !== 'POST' && step.method !== 'PUT' && (step.method !== 'PATCH' || step.type === 'apply'))
    return false;
  const text = JSON.stringify(step.body);
  if (text.includes('${') || text.includes('$times') || step.path.includes('${') || NOT_OURS.test(step.name))
    return false;
  return typeof step.body !== 'string' || isJson(step.body);
}
const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return text.startsWith('{');
  } catch {
    return false;
  }
};
function play(
  step: Step,
  target: Target,
  store: ReadonlyMap<string, DynamicObject>,
): { key: string; answer: unknown } | undefined {
  const strict = step.path.includes('fieldValidation=Strict');
  const keyOf = (name: string | undefined): string =>
    `${target.resource.group}/${target.resource.resource}/${target.namespace}/${name ?? ''}`;
  const sent = step.body as DynamicObject;
  if (step.method === 'POST') {
    const answer = create(target, sent, strict) as DynamicObject;
    return { key: keyOf(answer.metadata?.name), answer };
  }
  const key = keyOf(target.name);
  const old = store.get(key);
  if (old === undefined) return undefined;
  if (step.method === 'PUT') return { key, answer: update(target, sent, old, strict) };
  try {
    return { key, answer: update(target, patched(step, target, old), old, strict) };
  } catch (error) {
    if (statusOf(error) === undefined) throw error;
    // Refusals of patches are tested beside them.
    return undefined;
  }
}
function patched({ type, body }: Step, target: Target, old: DynamicObject): unknown {
  const patch: unknown = typeof body === 'string' ? JSON.parse(body) : body;
  if (type === 'json') {
    checkOperationTypes(patch, false);
    return applyJsonPatch(structuredClone(old), patch);
  }
  if (type === 'merge') return applyMergePatch(structuredClone(old), patch);
  return applyStrategicMergePatch(structuredClone(old), patch, target.resource.schema, builtinSchemas);
}
/** The order of keys is compared elsewhere. */
const sorted = (value: unknown): string => JSON.stringify(value, (_, v: unknown) =>
  typeof v === 'object' && v !== null && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))) : v); // prettier-ignore
