import { describe, expect, it } from 'vitest';
import { pod, setUp, typed } from '../testing/admission-chain.ts';
import { admin, attributesOf } from '../testing/fake-cluster.ts';

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
      'configmaps "m" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can\'t set finalizers on: , <nil>',
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
