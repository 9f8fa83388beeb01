import { loadable } from '../helpers/loadable.ts';

/** Most clusters have no definitions with rules: what compiles and runs them is loaded for the first that has. */
export const { load: loadRules, loaded: rules } = loadable(async () => {
  const [{ ruleErrors }, { ruleFindings, ruleSteps }] = await Promise.all([
    import('./rule-checks.ts'),
    import('./rule-evaluation.ts'),
  ]);
  return { ruleErrors, ruleFindings, ruleSteps };
});
