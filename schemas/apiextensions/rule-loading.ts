import type { ruleErrors } from './rule-checks.ts';
import type { ruleFindings } from './rule-evaluation.ts';

interface Rules {
  readonly ruleErrors: typeof ruleErrors;
  readonly ruleFindings: typeof ruleFindings;
}
let loaded: Rules | undefined;
async function load(): Promise<void> {
  const [checks, evaluation] = await Promise.all([import('./rule-checks.ts'), import('./rule-evaluation.ts')]);
  loaded = { ruleErrors: checks.ruleErrors, ruleFindings: evaluation.ruleFindings };
}
/** Most clusters have no definitions with rules: what compiles and runs them is loaded for the first that has. */
export const loadRules = (): Promise<void> | undefined => (loaded ? undefined : load());
/** What has been loaded. Throws when nothing has been. */
export function rules(): Rules {
  if (!loaded) throw new Error('validated before beforeValidation');
  return loaded;
}
