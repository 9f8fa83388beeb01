import { describe, expect, it } from 'vitest';
import { statusOf } from '../../../../schemas/meta/status.ts';
import { createAuthorizer } from '../../authorization/authorizer.ts';
import { attributesOf, fakeCluster } from '../../testing/fake-cluster.ts';
import { podSecurity } from './plugin.ts';

const PREFIX = 'pod-security.kubernetes.io/';
const namespace = (labels: Record<string, string>) => ({
  kind: 'Namespace',
  apiVersion: 'v1',
  metadata: { name: 'd', labels: Object.fromEntries(Object.entries(labels).map(([k, v]) => [PREFIX + k, v])) },
});
const setUp = (labels: Record<string, string>) => {
  const c = fakeCluster();
  c.put(namespace(labels));
  const plugin = podSecurity({ ...c, authorizer: createAuthorizer(c), fresh: () => Promise.resolve() });
  const judge = (object: object, operation: 'CREATE' | 'UPDATE' = 'CREATE', old?: object) => {
    const a = attributesOf(c, operation, object, { old: old as never });
    try {
      void plugin.validate!(a);
      return a.warnings;
    } catch (error) {
      return statusOf(error)?.message ?? String(error);
    }
  };
  return { c, judge };
};
const pod = (spec: object = {}, container: object = {}) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'p', namespace: 'd' },
  spec: { containers: [{ name: 'c', image: 'x', ...container }], ...spec },
});
const careful = pod(
  { securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } } },
  { securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } },
);

describe('baseline', () => {
  it.each([
    [pod({}, { securityContext: { privileged: true } }), 'privileged (container "c" must not set securityContext.privileged=true)'],
    [pod({ hostNetwork: true, hostPID: true }), 'host namespaces (hostNetwork=true, hostPID=true)'],
    [pod({ volumes: [{ name: 'v', hostPath: { path: '/' } }] }), 'hostPath volumes (volume "v")'],
    [pod({}, { ports: [{ containerPort: 1, hostPort: 1 }] }), 'hostPort (container "c" uses hostPort 1)'],
    [pod({}, { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }), 'non-default capabilities (container "c" must not include "SYS_ADMIN" in securityContext.capabilities.add)'],
    [pod({ securityContext: { seccompProfile: { type: 'Unconfined' } } }), 'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")'],
    [pod({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }), 'forbidden sysctls (kernel.msgmax)'],
    [pod({}, { livenessProbe: { httpGet: { host: 'h', port: 1 } } }), 'probe or lifecycle host (container "c" uses probe or lifecycle host "h")'],
    [pod({ securityContext: { seLinuxOptions: { user: 'u', type: 't' } } }), 'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "t"; user may not be set)'],
    [pod({}, { securityContext: { procMount: 'Unmasked' } }), 'procMount (container "c" must not set securityContext.procMount to "Unmasked")'],
    [pod({}, { securityContext: { appArmorProfile: { type: 'Unconfined' } } }), 'forbidden AppArmor profile (container "c" must not set AppArmor profile type to "Unconfined")'],
    [pod({}, { securityContext: { windowsOptions: { hostProcess: true } } }), 'hostProcess (container "c" must not set securityContext.windowsOptions.hostProcess=true)'],
  ])('%#: refuses', (object, why) => {
    expect(setUp({ enforce: 'baseline' }).judge(object)).toBe(
      `pods "p" is forbidden: violates PodSecurity "baseline:latest": ${why}`,
    );
  }); // prettier-ignore
  it('lets pods through that ask for nothing', () => {
    expect(setUp({ enforce: 'baseline' }).judge(pod())).toEqual([]);
  });
  it('knows what its version knew', () => {
    const tcp = pod({ securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem', value: '1' }] } });
    expect(setUp({ enforce: 'baseline', 'enforce-version': 'v1.31' }).judge(tcp)).toMatch(/v1\.31.*forbidden sysctls/);
    expect(setUp({ enforce: 'baseline', 'enforce-version': 'v1.32' }).judge(tcp)).toEqual([]);
  });
});

describe('restricted', () => {
  const all =
    'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")';
  it('names all that is missing, or warns of it', () => {
    expect(setUp({ enforce: 'restricted' }).judge(pod())).toBe(
      `pods "p" is forbidden: violates PodSecurity "restricted:latest": ${all}`,
    );
    expect(setUp({ warn: 'restricted' }).judge(pod())).toEqual([
      `would violate PodSecurity "restricted:latest": ${all}`,
    ]);
    expect(setUp({ enforce: 'restricted' }).judge(careful)).toEqual([]);
  });
  it('allows no volume types beyond the harmless', () => {
    const nfs = structuredClone(careful) as { spec: object };
    Object.assign(nfs.spec, {
      volumes: [
        { name: 'v', nfs: {} },
        { name: 'w', emptyDir: {} },
      ],
    });
    expect(setUp({ enforce: 'restricted' }).judge(nfs)).toMatch(
      /restricted volume types \(volume "v" uses restricted volume type "nfs"\)/,
    );
  });
  it('lets pods with users of their own run as root', () => {
    const root = structuredClone(careful) as { spec: object };
    Object.assign(root.spec, {
      hostUsers: false,
      securityContext: { runAsUser: 0, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(setUp({ enforce: 'restricted' }).judge(root)).toEqual([]);
  });
});

describe('around pods', () => {
  it('templates are only warned about', () => {
    const template = { spec: { hostPID: true, containers: [{ name: 'c', image: 'x' }] } };
    const deployment = {
      kind: 'Deployment',
      apiVersion: 'apps/v1',
      metadata: { name: 'd', namespace: 'd' },
      spec: { template },
    };
    expect(setUp({ enforce: 'baseline' }).judge(deployment)).toEqual([
      'would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)',
    ]);
  });
  it('updates are judged only when an image changes', () => {
    const { judge } = setUp({ enforce: 'baseline' });
    expect(judge(pod({ hostPID: true }), 'UPDATE', pod({ hostPID: true }))).toEqual([]);
    expect(judge(pod({ hostPID: true }, { image: 'y' }), 'UPDATE', pod({ hostPID: true }))).toMatch(/host namespaces/);
  });
  it('labels must be levels and versions', () => {
    const { judge } = setUp({});
    expect(judge(namespace({ enforce: 'strong' }), 'UPDATE', namespace({}))).toBe(
      'Namespace "d" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strong": must be one of privileged, baseline, restricted',
    );
    expect(judge(namespace({ 'enforce-version': 'v9' }))).toMatch(/must be "latest" or "v1.x"/);
  });
  it('a stricter label tells which pods would not pass, those alike together', () => {
    const { c, judge } = setUp({});
    for (const name of ['b', 'a']) c.put({ ...pod({ hostNetwork: true }), metadata: { name, namespace: 'd' } });
    c.put({ ...pod({}, { securityContext: { privileged: true } }), metadata: { name: 'z', namespace: 'd' } });
    expect(judge(namespace({ enforce: 'baseline' }), 'UPDATE', namespace({}))).toEqual([
      'existing pods in namespace "d" violate the new PodSecurity enforce level "baseline:latest"',
      'a (and 1 other pod): host namespaces',
      'z: privileged',
    ]);
  });
});
