import type { Errors } from '../define.ts';
import type { AppArmorProfile, Pod, PodSpec, SeccompProfile } from '../generated/core-v1.ts';
import { equal } from '../meta/equal.ts';
import { fieldPath, forbidden, invalid, type FieldPath } from '../meta/field.ts';
import { own } from '../meta/own.ts';
import { validateDescending } from './path-validation.ts';
import { containersOf } from './pod-containers.ts';
import { validateAppArmor } from './security-context-validation.ts';

/** Annotations from before seccomp and AppArmor profiles had fields of their own. */
type Annotations = Readonly<Record<string, string>>;
export const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
export const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';
export const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/';
const LOCAL = 'localhost/';
const RUNTIME = ['runtime/default', 'docker/default'];

/** Source: pkg/apis/core/validation ValidateSeccompPodAnnotations, ValidateAppArmorPodAnnotations. */
export function* validateProfileAnnotations(
  annotations: Annotations,
  spec: PodSpec | undefined,
  at: FieldPath,
): Errors {
  for (const [key, value] of Object.entries(annotations)) {
    if (key === SECCOMP_POD || key.startsWith(SECCOMP_CONTAINER)) yield* validateSeccompName(value, at(key));
    if (!key.startsWith(APP_ARMOR)) continue;
    const name = key.slice(APP_ARMOR.length);
    if (![...containersOf(spec ?? { containers: [] }, at)].some(([c]) => c.name === name))
      yield invalid(at.key(key), name, 'container not found');
    if (value !== '' && value !== 'runtime/default' && value !== 'unconfined' && !value.startsWith(LOCAL))
      yield invalid(at.key(key), value, `invalid AppArmor profile name: ${JSON.stringify(value)}`);
  }
}
function* validateSeccompName(name: string, at: FieldPath): Errors {
  if (RUNTIME.includes(name) || name === 'unconfined') return;
  if (name.startsWith(LOCAL)) yield* validateDescending(name.slice(LOCAL.length), at);
  else yield invalid(at, name, 'must be a valid seccomp profile');
}
/** Who says both says the same. Source: validateSeccompAnnotationsAndFields, validateAppArmorAnnotationsAndFieldsMatchOnCreate. */
export function* validateProfilesMatch(annotations: Annotations, spec: PodSpec, at: FieldPath): Errors {
  const whole = spec.securityContext;
  yield* match('seccomp', annotations, SECCOMP_POD, whole?.seccompProfile, at('securityContext')('seccompProfile'));
  for (const [{ name, securityContext }, here] of containersOf(spec, at))
    yield* match(
      'seccomp',
      annotations,
      `${SECCOMP_CONTAINER}${name}`,
      securityContext?.seccompProfile,
      here('securityContext')('seccompProfile'),
    );
  if (spec.os?.name === 'windows') return;
  for (const [{ name, securityContext }, here] of containersOf(spec, at))
    yield* match(
      'apparmor',
      annotations,
      `${APP_ARMOR}${name}`,
      securityContext?.appArmorProfile ?? whole?.appArmorProfile,
      here('securityContext')('appArmorProfile'),
    );
}
function* match(
  what: 'seccomp' | 'apparmor',
  annotations: Annotations,
  key: string,
  profile: SeccompProfile | AppArmorProfile | undefined,
  at: FieldPath,
): Errors {
  const value = own(annotations, key);
  if (profile === undefined || value === undefined) return;
  const names: Readonly<Record<string, readonly string[]>> = {
    Unconfined: ['unconfined'],
    RuntimeDefault: what === 'seccomp' ? RUNTIME : ['runtime/default'],
  };
  const wrongType = forbidden(at('type'), `${what} type in annotation and field must match`);
  if (profile.type !== 'Localhost') {
    if (names[profile.type]?.includes(value) === false) yield wrongType;
  } else if (!value.startsWith(LOCAL)) yield wrongType;
  else if (value.slice(LOCAL.length) !== profile.localhostProfile)
    yield forbidden(at('localhostProfile'), `${what} profile in annotation and field must match`);
}
/** Source: pkg/api/pod ApparmorFieldForAnnotation. */
export function profileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  const local = annotation.startsWith(LOCAL) ? annotation.slice(LOCAL.length) : '';
  return local === '' ? undefined : { type: 'Localhost', localhostProfile: local };
}
export const appArmorWarning = (key: string, notesAt: FieldPath): string =>
  `${String(notesAt.key(key))}: deprecated since v1.30; use the "appArmorProfile" field instead`;
const copied = new WeakMap<object, readonly string[]>();
/** What copyAppArmor() had to say of this pod. */
export const appArmorWarnings = (pod: Pod): readonly string[] => copied.get(pod) ?? [];

/** The annotations of a new pod become fields. Source: pkg/registry/core/pod strategy.go applyAppArmorVersionSkew. */
export function copyAppArmor(pod: Pod): void {
  const { annotations = {} } = pod.metadata;
  const spec = pod.spec!;
  if (spec.os?.name === 'windows') return;
  const warnings: string[] = [];
  for (const [container] of containersOf(spec, fieldPath('spec'))) {
    const key = `${APP_ARMOR}${container.name}`;
    const value = own(annotations, key);
    if (value === undefined || container.securityContext?.appArmorProfile) continue;
    let profile = profileOf(value);
    if (profile && [...validateAppArmor(profile, fieldPath())].length > 0) profile = undefined;
    const differs = profile !== undefined && !equal(profile, spec.securityContext?.appArmorProfile);
    if (differs) (container.securityContext ??= {}).appArmorProfile = profile;
    if (differs || profile === undefined) warnings.push(appArmorWarning(key, fieldPath('metadata.annotations')));
  }
  if (warnings.length > 0) copied.set(pod, warnings);
}
