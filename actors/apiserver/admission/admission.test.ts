import { describe, expect, it } from 'vitest';
import { pod, setUp, typed } from '../testing/admission-chain.ts';
import { attributesOf } from '../testing/fake-cluster.ts';

describe('the chain', () => {
  it('is in the order of the real server, without what is disabled', () => {
    const { plugins } = setUp({ disabled: ['PodSecurity', 'MutatingAdmissionWebhook'] });
    expect(plugins.map((p) => p.name)).toEqual([
      'RBACEscalation', 'CertificateRequester', 'DeviceAccess', 'NamespaceLifecycle', 'LimitRanger', 'ServiceAccount', 'NodeRestriction',
      'TaintNodesByCondition', 'Priority', 'DefaultTolerationSeconds', 'DefaultStorageClass',
      'StorageObjectInUseProtection', 'PersistentVolumeClaimResize', 'RuntimeClass', 'CertificateApproval',
      'CertificateSigning', 'CertificateSubjectRestriction', 'DefaultIngressClass', 'PodTopologyLabels', 'NodeDeclaredFeatureValidator', 'PodResizeValidator', 'MutatingAdmissionPolicy', 'ValidatingAdmissionPolicy', 'ValidatingAdmissionWebhook', 'ResourceQuota',
    ]); // prettier-ignore
  });
  it('does not know plugins that there are none', () => {
    expect(() => setUp({ disabled: ['Nope'] })).toThrow('disable-admission-plugins plugin "Nope" is unknown');
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
