import type { Errors } from '../define.ts';
import type { PodSpec } from '../generated/core-v1.ts';
import { forbidden, notSupported, required, type FieldPath } from '../meta/field.ts';
import { containersOf } from './pod-containers.ts';

const SYSTEMS = ['linux', 'windows'];
const NOT_ON_WINDOWS = 'cannot be set for a windows pod';
const POD_FIELDS = ['appArmorProfile', 'seLinuxOptions', 'seccompProfile', 'fsGroup', 'fsGroupChangePolicy', 'sysctls', 'runAsUser', 'runAsGroup', 'supplementalGroups', 'supplementalGroupsPolicy', 'seLinuxChangePolicy'] as const; // prettier-ignore
const CONTAINER_FIELDS = ['appArmorProfile', 'seLinuxOptions', 'seccompProfile', 'capabilities', 'readOnlyRootFilesystem', 'privileged', 'allowPrivilegeEscalation', 'procMount', 'runAsUser', 'runAsGroup'] as const; // prettier-ignore

/** What a pod may not ask of an operating system. Source: pkg/apis/core/validation validateOS, validateLinux, validateWindows. */
export function* validateOs(spec: PodSpec, at: FieldPath): Errors {
  const name: string | undefined = spec.os?.name;
  if (name === undefined) return;
  if (name === '') yield required(at('os')('name'));
  else if (name === 'linux') yield* validateLinux(spec, at);
  else if (name === 'windows') yield* validateWindows(spec, at);
  else yield notSupported(at('os'), name, SYSTEMS);
}
function* validateLinux(spec: PodSpec, at: FieldPath): Errors {
  const why = 'windows options cannot be set for a linux pod';
  if (spec.securityContext?.windowsOptions) yield forbidden(at('securityContext')('windowsOptions'), why);
  for (const [{ securityContext }, here] of containersOf(spec, at))
    if (securityContext?.windowsOptions) yield forbidden(here('securityContext')('windowsOptions'), why);
}
function* validateWindows(spec: PodSpec, at: FieldPath): Errors {
  const own = spec.securityContext ?? {};
  const found = new Map<string, FieldPath>();
  for (const field of POD_FIELDS) if (own[field] !== undefined) found.set(field, at('securityContext')(field));
  if (spec.hostUsers !== undefined) found.set('hostUsers', at('hostUsers'));
  if (spec.hostPID) found.set('hostPID', at('hostPID'));
  if (spec.hostIPC) found.set('hostIPC', at('hostIPC'));
  if (spec.shareProcessNamespace !== undefined) found.set('shareProcessNamespace', at('shareProcessNamespace'));
  for (const field of ORDER) if (found.has(field)) yield forbidden(found.get(field)!, NOT_ON_WINDOWS);
  for (const [{ securityContext }, here] of containersOf(spec, at))
    for (const field of CONTAINER_FIELDS)
      if (securityContext?.[field] !== undefined) yield forbidden(here('securityContext')(field), NOT_ON_WINDOWS);
}
/** The real order of the messages. */
const ORDER = ['appArmorProfile', 'seLinuxOptions', 'hostUsers', 'hostPID', 'hostIPC', 'seccompProfile', 'fsGroup', 'fsGroupChangePolicy', 'sysctls', 'shareProcessNamespace', 'runAsUser', 'runAsGroup', 'supplementalGroups', 'supplementalGroupsPolicy', 'seLinuxChangePolicy']; // prettier-ignore
