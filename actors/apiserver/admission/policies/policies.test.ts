import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { statusOf } from '../../../../schemas/meta/status.ts';
import { createAuthorizer } from '../../authorization/authorizer.ts';
import type { AdmissionAttributes } from '../../request.ts';
import { attributesOf, fakeCluster, type FakeCluster } from '../../testing/fake-cluster.ts';
import { createPolicies } from './index.ts';

/** What a policy does to one ConfigMap, as the real server answered. */
interface Row {
  readonly name: string;
  readonly kind: 'Validating' | 'Mutating';
  readonly spec: object;
  readonly exclude?: object;
  readonly names?: readonly string[];
  readonly objectSelector?: object;
  readonly param?: object;
  readonly match?: object;
  readonly actions?: readonly string[];
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly warning?: string;
  readonly labels?: object;
  readonly objectName?: string;
  readonly data?: object;
}
const rows = JSON.parse(readFileSync(new URL('testdata/policies.json', import.meta.url), 'utf8')) as readonly Row[];
const NS = 'polns';
const configMap = (name: string, data: object, labels?: object) => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name, namespace: NS, ...(labels && { labels }) },
  data,
});
const GROUP = 'admissionregistration.k8s.io/v1';
const rules = (more: object) => [
  { apiGroups: ['*'], apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'], ...more },
];

function setUp() {
  const c = fakeCluster();
  c.put({ kind: 'Namespace', apiVersion: 'v1', metadata: { name: NS, labels: { team: 'red', 'kubernetes.io/metadata.name': NS } }, status: { phase: 'Active' } });
  c.put(configMap('p1', { max: '1' }, { sel: 'x' }));
  c.put(configMap('p2', { max: '5' }, { sel: 'x' }));
  const { mutating, validating } = createPolicies({ ...c, authorizer: createAuthorizer(c), fresh: () => Promise.resolve() });
  const ask = async (a: AdmissionAttributes): Promise<void> => {
    await mutating.mutate!(a);
    await validating.validate!(a);
  };
  return { c, ask };
} // prettier-ignore
function put(c: FakeCluster, row: Row): void {
  const { name, kind } = row;
  const matchConstraints = {
    ...(row.objectSelector && { objectSelector: row.objectSelector }),
    ...(row.exclude && { excludeResourceRules: row.exclude }),
    resourceRules: rules({ ...(row.names && { resourceNames: row.names }) }),
    matchPolicy: 'Equivalent',
  };
  c.put({
    kind: `${kind}AdmissionPolicy`,
    apiVersion: GROUP,
    metadata: { name },
    spec: { reinvocationPolicy: 'Never', failurePolicy: 'Fail', matchConstraints, ...row.spec },
  });
  c.put({
    kind: `${kind}AdmissionPolicyBinding`,
    apiVersion: GROUP,
    metadata: { name },
    spec: {
      policyName: name,
      validationActions: row.actions ?? ['Deny'],
      ...(row.param && { paramRef: row.param }),
      ...(row.match && { matchResources: row.match }),
    },
  });
}
function remove(c: FakeCluster, { name, kind }: Row): void {
  const sort = `${kind.toLowerCase()}admissionpolic`;
  for (const resource of [`${sort}ybindings`, `${sort}ies`])
    c.remove({ group: 'admissionregistration.k8s.io', version: 'v1', resource }, '', name);
}
const options = { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', dryRun: ['All'] };

describe('a policy does what it does in the real server', () => {
  const { c, ask } = setUp();
  it('as far as was recorded', () => expect(rows.length).toBeGreaterThan(80));
  it.each(rows.map((row) => [row.name, row] as const))('%s', async (_name, row) => {
    put(c, row);
    const object = configMap('t', { k: 'v', n: '2' });
    const a = attributesOf(c, 'CREATE', object, { dryRun: true, options });
    Object.assign(object.metadata, { creationTimestamp: '2026-01-01T00:00:00Z' });
    const refusal = await ask(a).then(() => undefined, statusOf);
    remove(c, row);
    const { code, reason, message } = refusal ?? {};
    expect({ code, reason, message }).toEqual({ code: row.code, reason: row.reason, message: row.message });
    expect(a.warnings).toEqual(row.warning === undefined ? [] : [row.warning]);
    if (row.objectName === undefined) return;
    const { metadata } = a.object!;
    expect([metadata.name, metadata.labels, a.object!['data']]).toEqual([row.objectName, row.labels, row.data]);
  });
});

describe('policies', () => {
  const deny = { name: 'no', kind: 'Validating' as const, spec: { validations: [{ expression: 'false', message: 'no' }] } };
  const tried = async ({ c, ask }: ReturnType<typeof setUp>, more: Parameters<typeof attributesOf>[3] = {}, object: object = configMap('t', {})) =>
    ask(attributesOf(c, 'CREATE', object, more)).then(() => 'admitted', (error: unknown) => statusOf(error)?.message ?? String(error));
  it('count as soon as they are bound, and no longer than that', async () => {
    const world = setUp();
    expect(await tried(world)).toBe('admitted');
    put(world.c, deny);
    expect(await tried(world)).toContain('denied request: no');
    world.c.remove({ group: 'admissionregistration.k8s.io', version: 'v1', resource: 'validatingadmissionpolicybindings' }, '', 'no');
    expect(await tried(world)).toBe('admitted');
  });
  it('do not decide about themselves', async () => {
    const world = setUp();
    put(world.c, { ...deny, spec: { ...deny.spec, matchConstraints: { resourceRules: rules({ resources: ['*'] }) } } });
    expect(await tried(world)).toContain('denied request: no');
    const policy = { kind: 'ValidatingAdmissionPolicy', apiVersion: GROUP, metadata: { name: 'other' } };
    expect(await tried(world, {}, policy)).toBe('admitted');
  });
  it('note what they would have refused', async () => {
    const world = setUp();
    put(world.c, { ...deny, actions: ['Audit'] });
    const notes = new Map<string, string>();
    expect(await tried(world, { annotate: (key, value) => void notes.set(key, value) })).toBe('admitted');
    expect(JSON.parse(notes.get('validation.policy.admission.k8s.io/validation_failure') ?? '')).toEqual([
      { message: 'no', policy: 'no', binding: 'no', expressionIndex: 0, validationActions: ['Audit'] },
    ]);
  });
  it('change objects again when one after them did, if they wish', async () => {
    const { c, ask } = setUp();
    const add = (name: string, field: string, reinvocationPolicy: string): Row => ({
      name, kind: 'Mutating',
      spec: { reinvocationPolicy, mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: `Object{data: {"${field}": string(size(object.data))}}` } }] },
    });
    put(c, add('a', 'a', 'IfNeeded'));
    put(c, add('b', 'b', 'Never'));
    const a = attributesOf(c, 'CREATE', configMap('t', { k: 'v' }));
    await ask(a);
    expect(a.reinvocation?.wanted).toBe(true);
    a.reinvocation!.round = 1;
    await ask(a);
    expect(a.object!['data']).toEqual({ k: 'v', a: '3', b: '2' });
  });
}); // prettier-ignore
