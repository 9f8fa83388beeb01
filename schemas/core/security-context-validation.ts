import type { Errors } from '../define.ts';
import type {
  AppArmorProfile,
  PodSecurityContext,
  PodSpec,
  SeccompProfile,
  SecurityContext,
} from '../generated/core-v1.ts';
import { duplicate, invalid, notSupported, required, tooLong, type FieldPath } from '../meta/field.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { byteLength, unixId } from '../meta/names.ts';
import { validateDescending } from './path-validation.ts';
import { validateWindowsOptions } from './windows-options-validation.ts';

const PROFILES = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const MAX_PATH_BYTES = 4095;

/** Source: pkg/apis/core/validation ValidateSecurityContext. */
export function* validateSecurityContext(context: SecurityContext, hostUsers: boolean, at: FieldPath): Errors {
  yield* validateId(context.runAsUser, at('runAsUser'));
  yield* validateId(context.runAsGroup, at('runAsGroup'));
  const mount = context.procMount;
  if (mount !== undefined) {
    if (mount !== 'Default' && mount !== 'Unmasked')
      yield notSupported(at('procMount'), mount, ['Default', 'Unmasked']);
    if (hostUsers && mount === 'Unmasked')
      yield invalid(at('procMount'), mount, '`hostUsers` must be false to use `Unmasked`');
  }
  yield* validateSeccomp(context.seccompProfile, at('seccompProfile'));
  if (context.allowPrivilegeEscalation === false) {
    const shown = goStruct(context, 'io.k8s.api.core.v1.SecurityContext');
    if (context.privileged === true)
      yield invalid(at, shown, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true');
    for (const capability of context.capabilities?.add ?? [])
      if (capability === 'CAP_SYS_ADMIN')
        yield invalid(at, shown, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN');
  }
  yield* validateWindowsOptions(context.windowsOptions, at('windowsOptions'));
  yield* validateAppArmor(context.appArmorProfile, at('appArmorProfile'));
}
function* validateId(id: number | undefined, at: FieldPath): Errors {
  if (id !== undefined) for (const why of unixId(id)) yield invalid(at, id, why);
}
function* validateSeccomp(profile: SeccompProfile | undefined, at: FieldPath): Errors {
  if (!profile) return;
  const type: string = profile.type ?? '';
  if (type === '') yield required(at('type'), 'type is required when seccompProfile is set');
  else if (!PROFILES.includes(type)) yield notSupported(at('type'), type, PROFILES);
  if (type === 'Localhost') {
    if (profile.localhostProfile === undefined)
      yield required(at('localhostProfile'), 'must be set when seccomp type is Localhost');
    else yield* validateDescending(profile.localhostProfile, at('localhostProfile'));
  } else if (profile.localhostProfile !== undefined)
    yield invalid(
      at('localhostProfile'),
      goStruct(profile, 'io.k8s.api.core.v1.SeccompProfile'),
      'can only be set when seccomp type is Localhost',
    );
}
export function* validateAppArmor(profile: AppArmorProfile | undefined, at: FieldPath): Errors {
  if (!profile) return;
  const type: string = profile.type ?? '';
  const local = profile.localhostProfile;
  const here = at('localhostProfile');
  if (type === 'Localhost') {
    if (local === undefined) yield required(here, 'must be set when AppArmor type is Localhost');
    else {
      if (local.trim() !== local) yield invalid(here, local, 'must not be padded with whitespace');
      else if (local === '') yield required(here, 'must be set when AppArmor type is Localhost');
      if (byteLength(local) > MAX_PATH_BYTES) yield tooLong(here, MAX_PATH_BYTES);
    }
  } else if (type === '') yield required(at('type'), 'type is required when appArmorProfile is set');
  else if (!PROFILES.includes(type)) yield notSupported(at('type'), type, PROFILES);
  else if (local !== undefined) yield invalid(here, local, 'can only be set when AppArmor type is Localhost');
}
const SYSCTL = '^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$';
const sysctlShape = new RegExp(SYSCTL);

/** Of the pod as a whole. Source: validatePodSpecSecurityContext. */
export function* validatePodSecurityContext(context: PodSecurityContext, spec: PodSpec, at: FieldPath): Errors {
  yield* validateId(context.fsGroup, at('fsGroup'));
  yield* validateId(context.runAsUser, at('runAsUser'));
  yield* validateId(context.runAsGroup, at('runAsGroup'));
  for (const [i, id] of (context.supplementalGroups ?? []).entries())
    yield* validateId(id, at('supplementalGroups')(i));
  if (spec.shareProcessNamespace === true && spec.hostPID)
    yield invalid(at('shareProcessNamespace'), true, 'ShareProcessNamespace and HostPID cannot both be enabled');
  const names = new Set<string>();
  for (const [i, { name }] of (context.sysctls ?? []).entries()) {
    const here = at('sysctls')(i)('name');
    if (name === '') yield required(here);
    else if (name.length > 253 || !sysctlShape.test(name))
      yield invalid(here, name, `must have at most 253 characters and match regex ${SYSCTL}`);
    else if (names.has(name)) yield duplicate(here, name);
    if (spec.hostNetwork && /^net[./]/.test(name))
      yield invalid(here, name, "may not be specified when 'hostNetwork' is true");
    else if (spec.hostIPC && /^(?:fs[./]mqueue[./]|kernel[./](?:shm|msg|sem))/.test(name))
      yield invalid(here, name, "may not be specified when 'hostIPC' is true");
    names.add(name);
  }
  yield* oneOf(context.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], at('fsGroupChangePolicy'));
  yield* validateSeccomp(context.seccompProfile, at('seccompProfile'));
  yield* validateWindowsOptions(context.windowsOptions, at('windowsOptions'));
  yield* validateAppArmor(context.appArmorProfile, at('appArmorProfile'));
  yield* oneOf(context.supplementalGroupsPolicy, ['Merge', 'Strict'], at('supplementalGroupsPolicy'));
  // Without the feature SELinuxMount, which is off by default.
  yield* oneOf(context.seLinuxChangePolicy, ['Recursive'], at('seLinuxChangePolicy'));
}
function* oneOf(value: string | undefined, allowed: readonly string[], at: FieldPath): Errors {
  if (value !== undefined && !allowed.includes(value)) yield notSupported(at, value, allowed);
}
