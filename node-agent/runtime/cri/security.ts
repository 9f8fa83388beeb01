import { join } from 'node:path';
import type {
  Container,
  Pod,
  PodSecurityContext,
  SeccompProfile,
  SecurityContext,
  SELinuxOptions,
} from '../../../schemas/generated/core-v1.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { unixId } from '../../../schemas/meta/names.ts';
import { appArmorProfileOf } from '../../kubelet/security/app-armor.ts';
import { RuntimeError } from '../interface.ts';
import type { CriContainerSecurity, CriNamespaces, CriProfile, CriSandboxSecurity } from './messages.ts';
import type { IdRange } from './parts.ts';
import { NAMESPACE, PROFILE } from './protocol.ts';

/** As whom an image says that it runs. */
export interface ImageUser {
  readonly uid: number | undefined;
  readonly username: string;
}
/** What of a node has to do with what containers may. */
export interface SecurityHost {
  /** Folder of its seccomp profiles. Source: kubelet --root-dir `seccomp`. */
  readonly seccomp: string;
  /** Beside those that are hidden everywhere. */
  readonly maskedPaths: readonly string[];
}
const GROUPS_POLICY = { Merge: 0, Strict: 1 } as const;
/** Source: pkg/securitycontext defaultMaskedPaths, defaultReadonlyPaths. */
const MASKED = [
  '/proc/asound', '/proc/acpi', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list',
  '/proc/timer_stats', '/proc/sched_debug', '/proc/scsi', '/sys/firmware', '/sys/devices/virtual/powercap',
]; // prettier-ignore
const READ_ONLY = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** `users`: those of a pod that has its own. Source: kuberuntime/util NamespacesForPod. */
function namespacesOf({ spec }: Pod, users: IdRange | undefined): CriNamespaces {
  const own = spec?.shareProcessNamespace === true ? NAMESPACE.pod : NAMESPACE.container;
  return {
    network: spec?.hostNetwork === true ? NAMESPACE.node : NAMESPACE.pod,
    ipc: spec?.hostIPC === true ? NAMESPACE.node : NAMESPACE.pod,
    pid: spec?.hostPID === true ? NAMESPACE.node : own,
    usernsOptions: users === undefined ? { mode: NAMESPACE.node, uids: [], gids: [] } : { mode: NAMESPACE.pod, uids: [users], gids: [users] }, // prettier-ignore
  };
}
/** Of the sandbox, which is as little privileged as its containers bear. Source: kuberuntime generatePodSandboxLinuxConfig. */
export function sandboxSecurityOf(pod: Pod, users?: IdRange): CriSandboxSecurity {
  const own = pod.spec?.securityContext ?? {};
  return {
    namespaceOptions: namespacesOf(pod, users),
    privileged: allContainers(pod).some(({ securityContext }) => securityContext?.privileged === true),
    seccomp: { profileType: PROFILE.runtimeDefault },
    ...idsOf(own),
    ...groupsOf(own),
    ...seLinuxOf(own.seLinuxOptions),
  };
}
/**
 * What a container may do: what its pod says, and before that what it says itself. Throws RuntimeError
 * CreateContainerConfigError. Source: kuberuntime determineEffectiveSecurityContext, pkg/securitycontext.
 */
export function securityContextOf(pod: Pod, container: Container, image: ImageUser, host: SecurityHost, users?: IdRange): CriContainerSecurity {
  try {
    const ofPod = pod.spec?.securityContext ?? {};
    const own = container.securityContext ?? {};
    const effective = effectiveOf(ofPod, own);
    // Who says nothing runs as root.
    const user: ImageUser = image.uid === undefined && image.username === '' ? { uid: 0, username: '' } : image;
    verifyNonRoot(pod, container, effective, user);
    const isUnmasked = own.procMount === 'Unmasked';
    const { add = [], drop = [] } = own.capabilities ?? {};
    const runAsUser = effective.runAsUser ?? user.uid;
    const appArmor = appArmorOf(pod, container);
    return {
      namespaceOptions: namespacesOf(pod, users),
      privileged: own.privileged === true,
      readonlyRootfs: own.readOnlyRootFilesystem === true,
      noNewPrivs: own.allowPrivilegeEscalation === false,
      maskedPaths: isUnmasked ? [] : [...MASKED, ...host.maskedPaths],
      readonlyPaths: isUnmasked ? [] : READ_ONLY,
      seccomp: seccompOf(own.seccompProfile ?? ofPod.seccompProfile, host.seccomp),
      ...(own.capabilities !== undefined && { capabilities: { addCapabilities: add, dropCapabilities: drop } }),
      ...(runAsUser === undefined ? { runAsUsername: user.username } : { runAsUser: { value: runAsUser } }),
      ...(effective.runAsGroup !== undefined && { runAsGroup: { value: effective.runAsGroup } }),
      ...groupsOf(ofPod),
      ...seLinuxOf(effective.seLinuxOptions),
      ...appArmor,
    };
  } catch (error) {
    throw new RuntimeError('CreateContainerConfigError', (error as Error).message, { cause: error });
  }
} // prettier-ignore

type Effective = Pick<SecurityContext, 'runAsUser' | 'runAsGroup' | 'runAsNonRoot' | 'seLinuxOptions'>;
const effectiveOf = (pod: PodSecurityContext, own: SecurityContext): Effective => ({
  runAsUser: own.runAsUser ?? pod.runAsUser,
  runAsGroup: own.runAsGroup ?? pod.runAsGroup,
  runAsNonRoot: own.runAsNonRoot ?? pod.runAsNonRoot,
  seLinuxOptions: own.seLinuxOptions ?? pod.seLinuxOptions,
});
/** Source: kuberuntime verifyRunAsNonRoot. */
function verifyNonRoot(pod: Pod, container: Container, { runAsNonRoot, runAsUser }: Effective, image: ImageUser): void {
  if (runAsNonRoot !== true) return;
  const { name, namespace, uid: podUid } = pod.metadata;
  const where = `(pod: ${goQuote(`${name}_${namespace}(${podUid})`)}, container: ${container.name})`;
  if (runAsUser !== undefined) {
    if (runAsUser === 0) throw new Error(`container's runAsUser breaks non-root policy ${where}`);
    return;
  }
  const { uid, username } = image;
  if (uid === undefined)
    throw new Error(
      `container has runAsNonRoot and image has non-numeric user (${username}), cannot verify user is non-root ${where}`,
    );
  if (uid === 0) throw new Error(`container has runAsNonRoot and image will run as root ${where}`);
  const problems = unixId(uid);
  if (problems.length > 0)
    throw new Error(
      `container has runAsNonRoot and image has an invalid user id (${uid}). (Must be 1-(2147483647)): ${problems.join('; ')} ${where}`,
    );
}
const idsOf = ({ runAsUser, runAsGroup }: PodSecurityContext): Pick<CriSandboxSecurity, 'runAsUser' | 'runAsGroup'> => ({
  ...(runAsUser !== undefined && { runAsUser: { value: runAsUser } }),
  ...(runAsGroup !== undefined && { runAsGroup: { value: runAsGroup } }),
}); // prettier-ignore
const groupsOf = ({ fsGroup, supplementalGroups = [], supplementalGroupsPolicy }: PodSecurityContext) => ({
  supplementalGroups: [...(fsGroup === undefined ? [] : [fsGroup]), ...supplementalGroups],
  supplementalGroupsPolicy: GROUPS_POLICY[supplementalGroupsPolicy ?? 'Merge'],
});
const seLinuxOf = (options: SELinuxOptions | undefined) => options && { selinuxOptions: options };

/** Nothing is kept from who asks for nothing. Source: kuberuntime fieldSeccompProfile. */
function seccompOf(profile: SeccompProfile | undefined, folder: string): CriProfile {
  switch (profile?.type) {
    case 'RuntimeDefault':
      return { profileType: PROFILE.runtimeDefault };
    case 'Localhost':
      if (!profile.localhostProfile)
        throw new Error('localhostProfile must be set if seccompProfile type is Localhost.');
      return { profileType: PROFILE.localhost, localhostRef: join(folder, profile.localhostProfile) };
    default:
      return { profileType: PROFILE.unconfined };
  }
}
/** In the form of today and, for older runtimes, in that of before. Source: kuberuntime getAppArmorProfile. */
function appArmorOf(pod: Pod, container: Container): Pick<CriContainerSecurity, 'apparmor' | 'apparmorProfile'> {
  const profile = appArmorProfileOf(pod, container);
  switch (profile?.type) {
    case undefined:
      return {};
    case 'RuntimeDefault':
      return { apparmor: { profileType: PROFILE.runtimeDefault }, apparmorProfile: 'runtime/default' };
    case 'Unconfined':
      return { apparmor: { profileType: PROFILE.unconfined }, apparmorProfile: 'unconfined' };
    case 'Localhost': {
      const name = profile.localhostProfile;
      if (name === undefined) throw new Error('missing localhost apparmor profile name');
      return { apparmor: { profileType: PROFILE.localhost, localhostRef: name }, apparmorProfile: `localhost/${name}` };
    }
    default:
      throw new Error(`unknown apparmor profile type: ${goQuote(String(profile?.type))}`);
  }
}
const allContainers = ({ spec }: Pod): readonly { readonly securityContext?: SecurityContext | undefined }[] => [
  ...(spec?.initContainers ?? []),
  ...(spec?.containers ?? []),
  ...(spec?.ephemeralContainers ?? []),
];
