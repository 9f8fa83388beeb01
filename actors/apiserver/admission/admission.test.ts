import { describe, expect, it } from 'vitest';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { statusOf } from '../../../schemas/meta/status.ts';
import { createAuthorizer } from '../authorization/authorizer.ts';
import type { AdmissionAttributes } from '../request.ts';
import { admin, attributesOf, fakeCluster, type FakeCluster } from '../testing/fake-cluster.ts';
import { createAdmission } from './index.ts';

const setUp = (options: { disabled?: string[]; enabled?: string[] } = {}) => {
  const c = fakeCluster();
  c.put({ kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'd' }, status: { phase: 'Active' } });
  c.put({ kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default', namespace: 'd' } });
  const plugins = createAdmission({
    ...c,
    authorizer: createAuthorizer(c),
    fresh: () => Promise.resolve(),
    ...options,
  });
  return { c, plugins, admit: (a: AdmissionAttributes) => run(plugins, a, c) };
};
type Plugins = ReturnType<typeof createAdmission>;
/** Both phases; the refusal's text, or undefined. */
const run = async (plugins: Plugins, a: AdmissionAttributes, c: FakeCluster): Promise<string | undefined> => {
  let refusal: string | undefined;
  const all = async (): Promise<void> => {
    for (const p of plugins) if (p.handles.has(a.operation)) await p.mutate?.(a);
    for (const p of plugins) if (p.handles.has(a.operation)) await p.validate?.(a);
  };
  let over = false;
  const done = all()
    .catch((error: unknown) => (refusal = statusOf(error)?.message ?? String(error)))
    .finally(() => (over = true));
  // Some plugins wait on the clock, which stands still unless told.
  for (let i = 0; i < 40 && !over; i++) await c.simulation.advance(100);
  await done;
  return refusal;
};
const pod = (spec: object = {}, metadata: object = {}) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'p', namespace: 'd', ...metadata },
  spec: { containers: [{ name: 'c', image: 'x' }], ...spec },
});
const typed = (o: object): Pod => o as Pod;

describe('the chain', () => {
  it('is in the order of the real server, without what is disabled', () => {
    const { plugins } = setUp({ disabled: ['PodSecurity', 'MutatingAdmissionWebhook'] });
    expect(plugins.map((p) => p.name)).toEqual([
      'RBACEscalation', 'CertificateRequester', 'NamespaceLifecycle', 'LimitRanger', 'ServiceAccount', 'NodeRestriction',
      'TaintNodesByCondition', 'Priority', 'DefaultTolerationSeconds', 'DefaultStorageClass',
      'StorageObjectInUseProtection', 'PersistentVolumeClaimResize', 'RuntimeClass', 'CertificateApproval',
      'CertificateSigning', 'CertificateSubjectRestriction', 'DefaultIngressClass', 'PodTopologyLabels', 'ResourceQuota',
    ]); // prettier-ignore
  });
  it('does not know plugins that there are none', () => {
    expect(() => setUp({ disabled: ['Nope'] })).toThrow('admission plugin "Nope" is unknown');
  });
});

describe('namespaces', () => {
  const map = (namespace: string) => ({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'm', namespace } });
  it('must be there and stay there for anything new', async () => {
    const { c, admit } = setUp();
    expect(await admit(attributesOf(c, 'CREATE', map('d')))).toBeUndefined();
    expect(await admit(attributesOf(c, 'CREATE', map('none')))).toBe('namespaces "none" not found');
    c.put({ kind: 'Namespace', apiVersion: 'v1', metadata: { name: 't' }, status: { phase: 'Terminating' } });
    expect(await admit(attributesOf(c, 'CREATE', map('t')))).toBe(
      'configmaps "m" is forbidden: unable to create new content in namespace t because it is being terminated',
    );
    expect(await admit(attributesOf(c, 'UPDATE', map('t')))).toBeUndefined();
    expect(await admit(attributesOf(c, 'DELETE', map('none')))).toBeUndefined();
  });
  it.each(['default', 'kube-system', 'kube-public'])('%s may not be deleted', async (name) => {
    const { c, admit } = setUp();
    expect(await admit(attributesOf(c, 'DELETE', { kind: 'Namespace', apiVersion: 'v1', metadata: { name } }))).toBe(
      `namespaces "${name}" is forbidden: this namespace may not be deleted`,
    );
  });
});

describe('service accounts', () => {
  it('give pods a token and their pull secrets', async () => {
    const { c, admit } = setUp();
    c.put({
      kind: 'ServiceAccount',
      apiVersion: 'v1',
      metadata: { name: 'sa', namespace: 'd' },
      imagePullSecrets: [{ name: 'pull' }],
    });
    const p = pod({ serviceAccountName: 'sa', initContainers: [{ name: 'i', image: 'x' }] });
    expect(await admit(attributesOf(c, 'CREATE', p))).toBeUndefined();
    const { spec } = typed(p);
    const name = spec!.volumes![0]!.name;
    expect(name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
    const mount = { name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
    expect(spec!.containers[0]!.volumeMounts).toEqual([mount]);
    expect(spec!.initContainers![0]!.volumeMounts).toEqual([mount]);
    expect(spec!.imagePullSecrets).toEqual([{ name: 'pull' }]);
    expect(spec!.serviceAccount).toBe('sa');
  });
  it('leave alone a taken mount path, an account or pod that wants no token, and mirror pods', async () => {
    const { c, admit } = setUp();
    const path = '/var/run/secrets/kubernetes.io/serviceaccount';
    const taken = pod({ containers: [{ name: 'c', image: 'x', volumeMounts: [{ name: 'x', mountPath: path }] }] });
    const unwanted = pod({ automountServiceAccountToken: false });
    const mirror = pod({ nodeName: 'n' }, { annotations: { 'kubernetes.io/config.mirror': 'x' } });
    for (const p of [taken, unwanted, mirror]) {
      expect(await admit(attributesOf(c, 'CREATE', p))).toBeUndefined();
      expect(typed(p).spec!.volumes ?? []).toEqual([]);
    }
  });
  it('must exist; the default one is waited for', async () => {
    const { c, admit } = setUp();
    expect(await admit(attributesOf(c, 'CREATE', pod({ serviceAccountName: 'none' })))).toBe(
      'pods "p" is forbidden: error looking up service account d/none: serviceaccount "none" not found',
    );
    c.remove({ group: '', version: 'v1', resource: 'serviceaccounts' }, 'd', 'default');
    const waiting = admit(attributesOf(c, 'CREATE', pod()));
    c.simulation.after(
      300_000,
      () => void c.put({ kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default', namespace: 'd' } }),
    );
    expect(await waiting).toBeUndefined();
  });
  it('may insist on the secrets they list', async () => {
    const { c, admit } = setUp();
    c.put({
      kind: 'ServiceAccount', apiVersion: 'v1', secrets: [{ name: 'mine' }],
      metadata: { name: 'strict', namespace: 'd', annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' } },
    }); // prettier-ignore
    const using = (secretName: string) =>
      pod({ serviceAccountName: 'strict', volumes: [{ name: 'v', secret: { secretName } }] });
    expect(await admit(attributesOf(c, 'CREATE', using('mine')))).toBeUndefined();
    expect(await admit(attributesOf(c, 'CREATE', using('other')))).toBe(
      'pods "p" is forbidden: volume with secret.secretName="other" is not allowed because service account strict does not reference that secret',
    );
  });
});

describe('priority', () => {
  const klass = (name: string, value: number, more: object = {}) => ({
    kind: 'PriorityClass', apiVersion: 'scheduling.k8s.io/v1', metadata: { name }, value, ...more,
  }); // prettier-ignore
  it.each([
    [{ priorityClassName: 'pc' }, { priority: 1234, preemptionPolicy: 'Never' }],
    [{ priorityClassName: 'pc', priority: 1234 }, { priority: 1234 }],
    [{}, { priority: 0, preemptionPolicy: 'PreemptLowerPriority' }],
    [{ priorityClassName: 'none' }, 'pods "p" is forbidden: no PriorityClass with name none was found'],
    [{ priority: 5 }, 'pods "p" is forbidden: the integer value of priority (5) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name'],
  ])('%#: of %j', async (spec, expected) => {
    const { c, admit } = setUp();
    c.put(klass('pc', 1234, { preemptionPolicy: 'Never' }));
    const p = pod(spec);
    const refusal = await admit(attributesOf(c, 'CREATE', p));
    if (typeof expected === 'string') expect(refusal).toBe(expected);
    else expect(p.spec).toMatchObject(expected);
  }); // prettier-ignore
  it('is that of the default class, of which there is one', async () => {
    const { c, admit } = setUp();
    c.put(klass('std', 7, { globalDefault: true }));
    const p = pod();
    await admit(attributesOf(c, 'CREATE', p));
    expect(p.spec).toMatchObject({ priorityClassName: 'std', priority: 7 });
    expect(await admit(attributesOf(c, 'CREATE', klass('two', 1, { globalDefault: true })))).toBe(
      'priorityclasses.scheduling.k8s.io "two" is forbidden: PriorityClass std is already marked as default. Only one default can exist',
    );
    expect(await admit(attributesOf(c, 'DELETE', klass('system-node-critical', 1)))).toBe(
      'priorityclasses.scheduling.k8s.io "system-node-critical" is forbidden: this is a system priority class and cannot be deleted',
    );
  });
});

describe('limit ranges', () => {
  const limits = {
    type: 'Container', default: { cpu: '500m', memory: '128Mi' }, defaultRequest: { cpu: '100m', memory: '128Mi' },
    max: { cpu: '1' }, min: { cpu: '10m' }, maxLimitRequestRatio: { cpu: '8' },
  }; // prettier-ignore
  it.each([
    [{}, 'LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c'],
    [{ requests: { cpu: '200m' } }, 'LimitRanger plugin set: memory request for container c; cpu, memory limit for container c'],
    [{ limits: { cpu: '2' }, requests: { cpu: '2' } }, 'pods "p" is forbidden: maximum cpu usage per Container is 1, but limit is 2'],
    [{ requests: { cpu: '1m' }, limits: { cpu: '1m' } }, 'pods "p" is forbidden: minimum cpu usage per Container is 10m, but request is 1m'],
    [{ requests: { cpu: '100m' }, limits: { cpu: '1' } }, 'pods "p" is forbidden: cpu max limit to request ratio per Container is 8, but provided ratio is 10.000000'],
  ])('%#: with %j', async (resources, said) => {
    const { c, admit } = setUp();
    c.put({ kind: 'LimitRange', apiVersion: 'v1', metadata: { name: 'r', namespace: 'd' }, spec: { limits: [limits] } });
    const p = pod({ containers: [{ name: 'c', image: 'x', resources }] });
    const refusal = await admit(attributesOf(c, 'CREATE', p));
    expect(refusal ?? typed(p).metadata.annotations?.['kubernetes.io/limit-ranger']).toBe(said);
  }); // prettier-ignore
  it('bound whole pods and claims too', async () => {
    const { c, admit } = setUp();
    c.put({
      kind: 'LimitRange', apiVersion: 'v1', metadata: { name: 'r', namespace: 'd' },
      spec: { limits: [{ type: 'Pod', max: { cpu: '1' } }, { type: 'PersistentVolumeClaim', max: { storage: '1Gi' } }] },
    }); // prettier-ignore
    const resources = { limits: { cpu: '600m' }, requests: { cpu: '100m' } };
    const two = pod({ containers: ['a', 'b'].map((name) => ({ name, image: 'x', resources })) });
    expect(await admit(attributesOf(c, 'CREATE', two))).toBe(
      'pods "p" is forbidden: maximum cpu usage per Pod is 1, but limit is 1200m',
    );
    const claim = {
      kind: 'PersistentVolumeClaim', apiVersion: 'v1', metadata: { name: 'v', namespace: 'd' },
      spec: { resources: { requests: { storage: '2Gi' } } },
    }; // prettier-ignore
    expect(await admit(attributesOf(c, 'CREATE', claim))).toBe(
      'persistentvolumeclaims "v" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi',
    );
  });
});

describe('small plugins', () => {
  it('tolerate a lost node for five minutes, unless the pod says otherwise', async () => {
    const { c, admit } = setUp();
    const own = { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 };
    const p = pod({ tolerations: [own] });
    await admit(attributesOf(c, 'CREATE', p));
    expect(typed(p).spec!.tolerations).toEqual([
      own,
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    ]);
  });
  it('taint new nodes', async () => {
    const { c, admit } = setUp();
    const node = { kind: 'Node', apiVersion: 'v1', metadata: { name: 'n' } };
    await admit(attributesOf(c, 'CREATE', node));
    expect(node).toMatchObject({ spec: { taints: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }] } });
  });
  it('choose default classes, the newest of several, and protect claims', async () => {
    const { c, admit } = setUp();
    const marked = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    c.put({
      kind: 'StorageClass',
      apiVersion: 'storage.k8s.io/v1',
      metadata: { name: 'a', annotations: marked },
      provisioner: 'x',
    });
    await c.simulation.advance(2000);
    c.put({
      kind: 'StorageClass',
      apiVersion: 'storage.k8s.io/v1',
      metadata: { name: 'b', annotations: marked },
      provisioner: 'x',
    });
    const claim = (spec: object) => ({
      kind: 'PersistentVolumeClaim',
      apiVersion: 'v1',
      metadata: { name: 'v', namespace: 'd' },
      spec,
    });
    const [open, none] = [claim({}), claim({ storageClassName: '' })];
    await admit(attributesOf(c, 'CREATE', open));
    await admit(attributesOf(c, 'CREATE', none));
    expect(open).toMatchObject({
      spec: { storageClassName: 'b' },
      metadata: { finalizers: ['kubernetes.io/pvc-protection'] },
    });
    expect(none.spec).toEqual({ storageClassName: '' });
  });
  it('let claims grow if bound and if their class allows it', async () => {
    const { c, admit } = setUp();
    c.put({
      kind: 'StorageClass',
      apiVersion: 'storage.k8s.io/v1',
      metadata: { name: 'a' },
      provisioner: 'x',
      allowVolumeExpansion: true,
    });
    const claim = (storage: string, phase: string, storageClassName = 'a') => ({
      kind: 'PersistentVolumeClaim', apiVersion: 'v1', metadata: { name: 'v', namespace: 'd' },
      spec: { storageClassName, resources: { requests: { storage } } }, status: { phase },
    }); // prettier-ignore
    const grow = (phase: string, of = 'a') =>
      admit(attributesOf(c, 'UPDATE', claim('2Gi', phase, of), { old: claim('1Gi', phase, of) }));
    expect(await grow('Bound')).toBeUndefined();
    expect(await grow('Pending')).toMatch(/Only bound persistent volume claims can be expanded/);
    expect(await grow('Bound', 'none')).toMatch(/only dynamically provisioned pvc can be resized/);
  });
  it('merge what a runtime class asks for', async () => {
    const { c, admit } = setUp();
    c.put({
      kind: 'RuntimeClass', apiVersion: 'node.k8s.io/v1', metadata: { name: 'rt' }, handler: 'h',
      overhead: { podFixed: { cpu: '10m' } }, scheduling: { nodeSelector: { rt: '1' }, tolerations: [{ key: 'rt', operator: 'Exists' }] },
    }); // prettier-ignore
    const p = pod({ runtimeClassName: 'rt', nodeSelector: { a: 'b' } });
    expect(await admit(attributesOf(c, 'CREATE', p))).toBeUndefined();
    expect(p.spec).toMatchObject({ overhead: { cpu: '10m' }, nodeSelector: { a: 'b', rt: '1' } });
    expect(await admit(attributesOf(c, 'CREATE', pod({ runtimeClassName: 'rt', nodeSelector: { rt: '2' } })))).toBe(
      'pods "p" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[rt] = 1; pod.spec.nodeSelector[rt] = 2',
    );
    expect(await admit(attributesOf(c, 'CREATE', pod({ runtimeClassName: 'none' })))).toBe(
      'pods "p" is forbidden: pod rejected: RuntimeClass "none" not found',
    );
    expect(await admit(attributesOf(c, 'CREATE', pod({ overhead: { cpu: '1' } })))).toBe(
      'pods "p" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    );
  });
});

describe('nodes', () => {
  const user = { name: 'system:node:n', groups: ['system:nodes'] };
  it.each([
    ['create pods that are no mirrors', 'CREATE', pod({ nodeName: 'n' }), 'pods "p" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "n" can only create mirror pods'],
    ['create mirrors for others', 'CREATE', pod({ nodeName: 'm' }, { annotations: { 'kubernetes.io/config.mirror': 'x' } }), 'pods "p" is forbidden: node "n" can only create pods with spec.nodeName set to itself'],
    ['write other nodes', 'CREATE', { kind: 'Node', apiVersion: 'v1', metadata: { name: 'm' } }, 'nodes "m" is forbidden: node "n" is not allowed to modify node "m"'],
    ['set labels of Kubernetes', 'CREATE', { kind: 'Node', apiVersion: 'v1', metadata: { name: 'n', labels: { 'kubernetes.io/x': '1', 'kubernetes.io/os': 'linux' } } }, 'nodes "n" is forbidden: node "n" is not allowed to set the following labels: kubernetes.io/x'],
  ] as const)('may not %s', async (_, operation, object, message) => {
    const { c, admit } = setUp();
    expect(await admit(attributesOf(c, operation, structuredClone(object), { user }))).toBe(message);
  }); // prettier-ignore
  it('may register themselves and write status of their own pods', async () => {
    const { c, admit } = setUp();
    const node = { kind: 'Node', apiVersion: 'v1', metadata: { name: 'n', labels: { 'kubernetes.io/hostname': 'n' } } };
    expect(await admit(attributesOf(c, 'CREATE', node, { user }))).toBeUndefined();
    const status = (nodeName: string) =>
      admit(attributesOf(c, 'UPDATE', pod({ nodeName }), { user, subresource: 'status', old: pod({ nodeName }) }));
    expect(await status('n')).toBeUndefined();
    expect(await status('m')).toMatch(/can only update pod status for pods with spec.nodeName set to itself/);
  });
});

describe('certificates', () => {
  it('name who asked, and need rights on the signer', async () => {
    const { c, admit } = setUp();
    const request = (status: object = {}) => ({
      kind: 'CertificateSigningRequest', apiVersion: 'certificates.k8s.io/v1', metadata: { name: 'r' },
      spec: { signerName: 'x.io/s', request: '', username: 'forged', groups: ['forged'] }, status,
    }); // prettier-ignore
    const made = request();
    expect(await admit(attributesOf(c, 'CREATE', made))).toBeUndefined();
    expect(made.spec).toMatchObject({ username: 'admin', groups: admin.groups });
    const bob = { name: 'bob', groups: [] };
    const as = (subresource: string, next: object) =>
      admit(attributesOf(c, 'UPDATE', request(next), { user: bob, subresource, old: request() }));
    expect(await as('approval', {})).toMatch(/user not permitted to approve requests with signerName "x.io\/s"/);
    expect(await as('status', { certificate: 'x' })).toMatch(/user not permitted to sign requests with signerName/);
    expect(await as('status', {})).toBeUndefined();
  });
});

describe('plugins that are off by default', () => {
  const service = (externalIPs: string[]) => ({
    kind: 'Service', apiVersion: 'v1', metadata: { name: 's', namespace: 'd' }, spec: { externalIPs },
  }); // prettier-ignore
  it('always pull', async () => {
    const { c, admit } = setUp({ enabled: ['AlwaysPullImages'] });
    const p = pod();
    expect(await admit(attributesOf(c, 'CREATE', p))).toBeUndefined();
    expect(typed(p).spec!.containers[0]!.imagePullPolicy).toBe('Always');
  });
  it('deny new external addresses', async () => {
    const { c, admit } = setUp({ enabled: ['DenyServiceExternalIPs'] });
    expect(await admit(attributesOf(c, 'CREATE', service(['192.0.2.1'])))).toBe(
      'services "s" is forbidden: Use of external IPs is denied by admission control',
    );
    const old = service(['192.0.2.1']) as never;
    expect(await admit(attributesOf(c, 'UPDATE', service(['192.0.2.1']), { old }))).toBeUndefined();
  });
  it('make missing namespaces', async () => {
    const { c, admit } = setUp({ enabled: ['NamespaceAutoProvision'] });
    const map = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'm', namespace: 'new' } };
    expect(await admit(attributesOf(c, 'CREATE', map))).toBeUndefined();
  });
  it('tolerate what devices are tainted with, and keep anti-affinity to nodes', async () => {
    const { c, admit } = setUp({ enabled: ['ExtendedResourceToleration', 'LimitPodHardAntiAffinityTopology'] });
    const gpu = pod({
      containers: [{ name: 'c', image: 'x', resources: { requests: { 'example.com/gpu': '1', cpu: '1' } } }],
    });
    await admit(attributesOf(c, 'CREATE', gpu));
    expect(typed(gpu).spec!.tolerations).toContainEqual({
      key: 'example.com/gpu',
      operator: 'Exists',
      effect: 'NoSchedule',
    });
    const term = { topologyKey: 'topology.kubernetes.io/zone' };
    const wide = pod({ affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } });
    expect(await admit(attributesOf(c, 'CREATE', wide))).toBe(
      'pods "p" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey topology.kubernetes.io/zone but only key kubernetes.io/hostname is allowed',
    );
  });
  it('let nobody block the deletion of what he cannot finalize', async () => {
    const { c, admit } = setUp({ enabled: ['OwnerReferencesPermissionEnforcement'] });
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'o', uid: 'u', blockOwnerDeletion: true };
    const map = {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { name: 'm', namespace: 'd', ownerReferences: [owner] },
    };
    const bob = { name: 'bob', groups: [] };
    expect(await admit(attributesOf(c, 'CREATE', map, { user: bob }))).toBe(
      'configmaps "m" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can\'t set finalizers on',
    );
    expect(await admit(attributesOf(c, 'CREATE', map))).toBeUndefined();
    const old = { ...map, metadata: { name: 'm', namespace: 'd' } } as never;
    expect(await admit(attributesOf(c, 'UPDATE', map, { user: bob, old }))).toMatch(
      /cannot set an ownerRef on a resource you can't delete/,
    );
  });
  it('deny everything', async () => {
    const { c, admit } = setUp({ enabled: ['AlwaysDeny'] });
    expect(await admit(attributesOf(c, 'CREATE', service([])))).toMatch(/is denying all modifications/);
  });
});

it('copies zone and region of the node to a pod that is bound', async () => {
  const { c, admit } = setUp();
  const labels = { 'topology.kubernetes.io/zone': 'z', 'kubernetes.io/hostname': 'n' };
  c.put({ kind: 'Node', apiVersion: 'v1', metadata: { name: 'n', labels } });
  const binding = {
    kind: 'Binding',
    apiVersion: 'v1',
    metadata: { name: 'p', namespace: 'd' },
    target: { kind: 'Node', name: 'n' },
  };
  await admit(attributesOf(c, 'CREATE', binding, { resource: c.resource('', 'pods'), subresource: 'binding' }));
  expect(binding.metadata).toMatchObject({ labels: { 'topology.kubernetes.io/zone': 'z' } });
});
