import { describe, expect, it } from 'vitest';
import type { ValidatingAdmissionPolicy } from '../../../schemas/generated/admissionregistration-v1.ts';
import type { CustomResourceDefinition } from '../../../schemas/generated/apiextensions-v1.ts';
import { customResourceDefinitions } from '../../runtime/kinds.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startValidatingAdmissionPolicyStatus } from './actor.ts';
import { policies, reconcile } from './reconcile.ts';

const policy = (generation: number, observed?: number, resource = ['apps', 'deployments'], expression = 'object.foo == 1'): ValidatingAdmissionPolicy => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicy',
  metadata: { name: 'p', generation },
  spec: {
    matchConstraints: { resourceRules: [{ apiGroups: [resource[0]!], apiVersions: ['v1'], operations: ['CREATE'], resources: [resource[1]!] }] },
    validations: [{ expression }],
  },
  ...(observed !== undefined && { status: { observedGeneration: observed } }),
}); // prettier-ignore
const warning = { fieldRef: 'spec.validations[0].expression', warning: 'no' };
/** Writes that have been made, as a status each. */
const written = (generation: number, warnings: readonly object[]) => ({
  observedGeneration: generation,
  typeChecking: warnings.length > 0 ? { expressionWarnings: warnings } : {},
});

describe('a policy', () => {
  it.each([
    ['that nobody has looked at', policy(1), [warning], written(1, [warning])],
    ['that has changed', policy(3, 2), [warning], written(3, [warning])],
    ['with nothing wrong in it', policy(2, 1), [], written(2, [])],
    ['that is known', policy(2, 2), [warning], undefined],
    ['of which the status is of later', policy(1, 2), [warning], undefined],
  ])('%s', (_, of, warnings, status) => {
    const { intents } = reconcile({ policy: of, warningsOf: () => warnings });
    expect(intents.map((intent) => intent.op === 'patch' && intent.patch)).toMatchObject(status ? [{ status }] : []);
    if (status)
      expect(intents).toMatchObject([
        { type: 'apply', subresource: 'status', fieldManager: 'validatingadmissionpolicy-status', force: true },
      ]);
  });
  it('that is known is not even compiled', () => {
    const warningsOf = () => expect.unreachable();
    expect(reconcile({ policy: policy(1, 1), warningsOf }).intents).toEqual([]);
  });
});

describe('on a cluster', () => {
  const statusOf = ({ list }: ReturnType<typeof testCluster>) =>
    list<ValidatingAdmissionPolicy>(policies)[0]?.status as
      { observedGeneration: number; typeChecking: { expressionWarnings?: { warning: string }[] } } | undefined;
  async function settled(cluster: ReturnType<typeof testCluster>, generation: number): Promise<void> {
    // The compiler comes from a file: that takes turns which the world's clock does not count.
    await expect
      .poll(async () => (await cluster.quiet(), statusOf(cluster)?.observedGeneration), { timeout: 15_000 })
      .toBe(generation);
  }
  it('each change of a policy is looked at once, by the schemas of builtin kinds', async () => {
    const cluster = testCluster();
    cluster.start(startValidatingAdmissionPolicyStatus);
    await cluster.client.create(policies, policy(1));
    await settled(cluster, 1);
    expect(statusOf(cluster)!.typeChecking.expressionWarnings).toMatchObject([
      { warning: expect.stringMatching(/^apps\/v1, Kind=Deployment: ERROR: .*undefined field 'foo'/) },
    ]);
    const patches = () => cluster.api.calls.filter((call) => call.resource === 'validatingadmissionpolicies/status');
    expect(patches()).toHaveLength(1);
    const right = [{ expression: 'object.spec.replicas > 1' }];
    await cluster.client.patch(policies, 'p', undefined, 'merge', { spec: { validations: right } });
    await settled(cluster, 2);
    await cluster.quiet();
    expect(patches().map(({ object }) => (object as ValidatingAdmissionPolicy).status)).toMatchObject([
      { observedGeneration: 1 },
      written(2, []),
    ]);
  });
  it('and by those of custom kinds', async () => {
    const cluster = testCluster();
    const openAPIV3Schema = { type: 'object', properties: { foo: { type: 'string' } } };
    const definition: CustomResourceDefinition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'gadgets.a.example' },
      spec: {
        group: 'a.example', names: { kind: 'Gadget', plural: 'gadgets' }, scope: 'Namespaced',
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
      },
    }; // prettier-ignore
    await cluster.client.create(customResourceDefinitions, definition);
    cluster.start(startValidatingAdmissionPolicyStatus);
    await cluster.client.create(policies, policy(1, undefined, ['a.example', 'gadgets']));
    await settled(cluster, 1);
    expect(statusOf(cluster)!.typeChecking.expressionWarnings).toMatchObject([
      { warning: expect.stringContaining("no matching overload for '_==_' applied to '(string, int)'") },
    ]);
  });
  it('what fails for a while is done again', async () => {
    const cluster = testCluster();
    let failures = 2;
    cluster.api.intercept = ({ resource }) => {
      if (resource.endsWith('/status') && failures-- > 0) throw new Error('not now');
    };
    cluster.start(startValidatingAdmissionPolicyStatus);
    await cluster.client.create(policies, policy(1));
    await settled(cluster, 1);
    expect(failures).toBeLessThan(0);
  });
});
