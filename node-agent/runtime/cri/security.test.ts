import { describe, expect, it } from 'vitest';
import type { Container, Node, Pod, PodSpec, SecurityContext } from '../../../schemas/generated/core-v1.ts';
import { admitSecurity, admitSysctls } from '../../kubelet/security/admission.ts';
import { runtimeReason } from '../interface.ts';
import { sandboxSecurityOf, securityContextOf, type ImageUser } from './security.ts';

const host = { seccomp: '/node/seccomp', maskedPaths: ['/sys/devices/system/cpu/cpu0/thermal_throttle'] };
const podOf = (spec: Partial<PodSpec> = {}, annotations: Record<string, string> = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', uid: 'u-1', annotations },
  spec: { containers: [], ...spec },
});
const root: ImageUser = { uid: undefined, username: '' };
const container = (securityContext?: SecurityContext): Container => ({
  name: 'main',
  ...(securityContext && { securityContext }),
});
const of = (own?: SecurityContext, spec: Partial<PodSpec> = {}, image = root) =>
  securityContextOf(podOf(spec), container(own), image, host);

describe('what a container may do', () => {
  it('is little where nothing is said, but as root and without a filter', () => {
    const { maskedPaths, readonlyPaths, ...others } = of();
    expect(others).toEqual({
      namespaceOptions: { network: 0, ipc: 0, pid: 1, usernsOptions: { mode: 2, uids: [], gids: [] } },
      privileged: false,
      readonlyRootfs: false,
      noNewPrivs: false,
      seccomp: { profileType: 1 },
      runAsUser: { value: 0 },
      supplementalGroups: [],
      supplementalGroupsPolicy: 0,
    });
    expect(maskedPaths).toEqual(expect.arrayContaining(['/proc/kcore', '/sys/firmware', host.maskedPaths[0]]));
    expect(readonlyPaths).toContain('/proc/sys');
  });
  it('is what it says itself, and before that what its pod says', () => {
    const securityContext = { runAsUser: 7, runAsGroup: 8, fsGroup: 9, supplementalGroups: [10, 11], supplementalGroupsPolicy: 'Strict', seLinuxOptions: { level: 's0' } } as const;
    const spec = { securityContext: { ...securityContext, supplementalGroups: [10, 11] } };
    expect(of({}, spec)).toMatchObject({ runAsUser: { value: 7 }, runAsGroup: { value: 8 }, supplementalGroups: [9, 10, 11], supplementalGroupsPolicy: 1, selinuxOptions: { level: 's0' } });
    expect(of({ runAsUser: 0, runAsGroup: 1, seLinuxOptions: { level: 's1' } }, spec)).toMatchObject({ runAsUser: { value: 0 }, runAsGroup: { value: 1 }, selinuxOptions: { level: 's1' } });
    const capabilities = { add: ['NET_ADMIN'], drop: ['ALL'] };
    expect(of({ privileged: true, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities })).toMatchObject({
      privileged: true, readonlyRootfs: true, noNewPrivs: true, capabilities: { addCapabilities: ['NET_ADMIN'], dropCapabilities: ['ALL'] },
    });
    expect(of({ allowPrivilegeEscalation: true })).toMatchObject({ noNewPrivs: false });
    expect(of({ procMount: 'Unmasked' })).toMatchObject({ maskedPaths: [], readonlyPaths: [] });
  }); // prettier-ignore
  it('is done as whom the image names, unless the pod does', () => {
    expect(of({}, {}, { uid: 65_532, username: '' })).toMatchObject({ runAsUser: { value: 65_532 } });
    const named = of({}, {}, { uid: undefined, username: 'nobody' });
    expect([named.runAsUser, named.runAsUsername]).toEqual([undefined, 'nobody']);
    expect(of({ runAsUser: 5 }, {}, { uid: undefined, username: 'nobody' })).toMatchObject({ runAsUser: { value: 5 } });
  });
  it.each<[string, SecurityContext, ImageUser, string | undefined]>([
    ['asked for as root', { runAsNonRoot: true, runAsUser: 0 }, root, "container's runAsUser breaks non-root policy"],
    ['of an image of root', { runAsNonRoot: true }, root, 'container has runAsNonRoot and image will run as root'],
    ['of an image of user 0', { runAsNonRoot: true }, { uid: 0, username: '' }, 'container has runAsNonRoot and image will run as root'],
    ['of an image of a name', { runAsNonRoot: true }, { uid: undefined, username: 'me' }, 'container has runAsNonRoot and image has non-numeric user (me), cannot verify user is non-root'],
    ['of an image of no user', { runAsNonRoot: true }, { uid: 2 ** 31, username: '' }, 'container has runAsNonRoot and image has an invalid user id (2147483648). (Must be 1-(2147483647)): must be between 0 and 2147483647, inclusive'],
    ['asked for otherwise', { runAsNonRoot: true, runAsUser: 1 }, root, undefined],
    ['of an image of another', { runAsNonRoot: true }, { uid: 1, username: '' }, undefined],
    ['that may be root', { runAsNonRoot: false, runAsUser: 0 }, root, undefined],
  ])('without root: %s', (_name, own, image, why) => {
    const asked = () => of(own, { securityContext: { runAsNonRoot: true } }, image);
    if (why === undefined) return void asked();
    expect(asked).toThrow(`${why} (pod: "web_shop(u-1)", container: main)`);
  }); // prettier-ignore
  it.each<[PodSpec['securityContext'], SecurityContext, object]>([
    [{}, { seccompProfile: { type: 'RuntimeDefault' } }, { profileType: 0 }],
    [{ seccompProfile: { type: 'RuntimeDefault' } }, {}, { profileType: 0 }],
    [{ seccompProfile: { type: 'RuntimeDefault' } }, { seccompProfile: { type: 'Unconfined' } }, { profileType: 1 }],
    [{}, { seccompProfile: { type: 'Localhost', localhostProfile: 'a/b.json' } }, { profileType: 2, localhostRef: '/node/seccomp/a/b.json' }],
  ])('filters system calls as %j and %j say', (pod, own, seccomp) =>
    expect(of(own, { securityContext: pod }).seccomp).toEqual(seccomp)); // prettier-ignore
  it('is refused where it cannot be meant, or be had', () => {
    const reasonOf = (asked: () => unknown): unknown => {
      try {
        return asked();
      } catch (error) {
        return `${runtimeReason(error)}: ${(error as Error).message}`;
      }
    };
    expect(reasonOf(() => of({ seccompProfile: { type: 'Localhost' } }))).toBe('CreateContainerConfigError: localhostProfile must be set if seccompProfile type is Localhost.');
    const users = { hostId: 131_072, containerId: 0, length: 65_536 };
    expect(sandboxSecurityOf(podOf({ hostUsers: false }), users).namespaceOptions?.usernsOptions).toEqual({ mode: 0, uids: [users], gids: [users] });
    expect(sandboxSecurityOf(podOf({ hostUsers: true })).namespaceOptions?.usernsOptions).toEqual({ mode: 2, uids: [], gids: [] });
  }); // prettier-ignore
  it('names a profile of AppArmor in both ways', () => {
    const profile = { appArmorProfile: { type: 'Localhost', localhostProfile: 'own' } } as const;
    expect(of(profile)).toMatchObject({ apparmor: { profileType: 2, localhostRef: 'own' }, apparmorProfile: 'localhost/own' });
    const key = 'container.apparmor.security.beta.kubernetes.io/main';
    const said = (text: string) => securityContextOf(podOf({}, { [key]: text }), container(), root, host).apparmorProfile;
    expect(['runtime/default', 'unconfined', 'localhost/x', 'nonsense'].map(said)).toEqual(['runtime/default', 'unconfined', 'localhost/x', undefined]);
  }); // prettier-ignore
  it.each<[Partial<PodSpec>, object]>([
    [{ hostNetwork: true }, { network: 2, ipc: 0, pid: 1 }],
    [{ hostIPC: true }, { network: 0, ipc: 2, pid: 1 }],
    [
      { hostPID: true, shareProcessNamespace: true },
      { network: 0, ipc: 0, pid: 2 },
    ],
    [{ shareProcessNamespace: true }, { network: 0, ipc: 0, pid: 0 }],
  ])('lies in the namespaces of %j', (spec, namespaces) =>
    expect(of({}, spec).namespaceOptions).toMatchObject(namespaces),
  );
});
it('a sandbox has what its containers need, and a filter', () => {
  const spec = { containers: [container()], initContainers: [container({ privileged: true })], securityContext: { runAsUser: 3, fsGroup: 4, supplementalGroups: [5] } }; // prettier-ignore
  expect(sandboxSecurityOf(podOf(spec))).toMatchObject({ privileged: true, seccomp: { profileType: 0 }, runAsUser: { value: 3 }, supplementalGroups: [4, 5] }); // prettier-ignore
  expect(sandboxSecurityOf(podOf({ containers: [container()] }))).toMatchObject({ privileged: false });
});

describe('a node refuses', () => {
  const sysctls = (name: string, spec: Partial<PodSpec> = {}) =>
    admitSysctls(podOf({ ...spec, securityContext: { sysctls: [{ name, value: '1' }] } }))?.message;
  it('kernel parameters of others', () => {
    expect(sysctls('kernel.msgmax')).toBe('forbidden sysctl: "kernel.msgmax" not allowlisted');
    expect(sysctls('net.core.somaxconn')).toBe('forbidden sysctl: "net.core.somaxconn" not allowlisted');
    expect(sysctls('kernel.shm_rmid_forced')).toBeUndefined();
    expect(sysctls('net/ipv4/tcp_syncookies')).toBeUndefined();
    expect(sysctls('kernel.shm_rmid_forced', { hostIPC: true })).toBe('forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host IPC enabled');
    expect(sysctls('net.ipv4.tcp_rmem', { hostNetwork: true })).toBe('forbidden sysctl: "net.ipv4.tcp_rmem" not allowed with host Net enabled');
  }); // prettier-ignore
  it('what its kernel cannot hold containers to', () => {
    const node = (features: object): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, status: { features } });
    const refused = (spec: Partial<PodSpec>, appArmor = false, features = {}) => admitSecurity(podOf(spec), node(features), { appArmor })?.reason;
    const strict = { securityContext: { supplementalGroupsPolicy: 'Strict' } } as const;
    expect([refused(strict), refused(strict, false, { supplementalGroupsPolicy: true }), refused({})]).toEqual(['SupplementalGroupsPolicyNotSupported', undefined, undefined]);
    const confined = { containers: [container({ appArmorProfile: { type: 'RuntimeDefault' } })] };
    expect([refused(confined), refused(confined, true), refused({ containers: [container({ appArmorProfile: { type: 'Unconfined' } })] })]).toEqual(['AppArmor', undefined, undefined]);
  }); // prettier-ignore
});
