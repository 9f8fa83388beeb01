import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ExpressionWarning, ValidatingAdmissionPolicySpec } from '../generated/admissionregistration-v1.ts';
import type { CustomResourceDefinition } from '../generated/apiextensions-v1.ts';
import { expressionWarnings } from './type-checking.ts';

/** What kube-controller-manager v1.36 wrote into the status of policies; names of types end with 0, not with a time. */
interface Golden {
  readonly definition: CustomResourceDefinition;
  readonly rows: readonly (readonly [ValidatingAdmissionPolicySpec, readonly ExpressionWarning[]])[];
}
const file = new URL('./type-checking.golden.json', import.meta.url);
const { definition, rows } = JSON.parse(readFileSync(file, 'utf8')) as Golden;

describe('types of expressions', () => {
  it.each(rows.map(([spec, warnings], i) => [i, spec, warnings] as const))('%i %j', (_, spec, warnings) => {
    expect(expressionWarnings(spec, [definition], 0)).toEqual(warnings);
  });
  it('names of types differ from one look to the next', () => {
    const resourceRules = [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE' as const], resources: ['deployments'] }]; // prettier-ignore
    const spec = { matchConstraints: { resourceRules }, validations: [{ expression: 'object.spec == 1' }] };
    expect(expressionWarnings(spec, [], 2_005)[0]!.warning).toContain('(Deployment5000000.spec, int)');
  });
});
