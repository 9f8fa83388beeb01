import type { ContainerPort, PodSpec, PodTemplateSpec } from '../generated/core-v1.ts';
import type { ObjectMeta } from '../generated/meta-v1.ts';
import { equal } from '../meta/equal.ts';
import { fieldPath, type FieldPath } from '../meta/field.ts';
import { own } from '../meta/own.ts';
import { parseQuantity } from '../meta/quantity.ts';
import { ipWarnings } from '../networking/strict-ip.ts';
import { affinityWarnings, nodeLabelWarnings } from './affinity-warnings.ts';
import { containersOf, type AnyContainer } from './pod-containers.ts';
import { volumeWarnings } from './pod-volume-warnings.ts';
import { APP_ARMOR, appArmorWarning, profileOf, SECCOMP_CONTAINER, SECCOMP_POD } from './profile-annotations.ts';

/** Of a new or changed template; `path` is where it stands. Source: pkg/api/pod warnings.go GetWarningsForPodTemplate. */
export function podTemplateWarnings(
  template: PodTemplateSpec | undefined,
  old?: PodTemplateSpec,
  path = 'spec.template',
): readonly string[] {
  if (!template?.spec || (old && equal(template, old))) return [];
  const at = fieldPath(path);
  return podWarnings(template.spec, template.metadata ?? {}, at('spec'), at('metadata')('annotations'), true);
}
const ANNOTATIONS: readonly (readonly [string, string])[] = [
  ['scheduler.alpha.kubernetes.io/critical-pod', 'non-functional in v1.16+; use the "priorityClassName" field instead'],
  ['security.alpha.kubernetes.io/sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
  ['security.alpha.kubernetes.io/unsafe-sysctls', 'non-functional in v1.11+; use the "sysctls" field instead'],
];
const SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead';

/** What works but should not be asked for. Source: pkg/api/pod warnings.go warningsForPodSpecAndMeta, in its order. */
export function podWarnings(
  spec: PodSpec,
  { annotations = {} }: ObjectMeta,
  at: FieldPath,
  notesAt: FieldPath,
  isTemplate = false,
): string[] {
  const out: string[] = [...nodeLabelWarnings(spec, at)];
  for (const [key, why] of ANNOTATIONS)
    if (own(annotations, key) !== undefined) out.push(`${String(notesAt.key(key))}: ${why}`);
  out.push(...volumeWarnings(spec.volumes ?? [], at('volumes')));
  repeated(
    spec.hostAliases ?? [],
    (a) => a.ip,
    (i, ip) => out.push(`${String(at('hostAliases')(i)('ip'))}: duplicate ip ${JSON.stringify(ip)}`),
  );
  repeated(
    spec.imagePullSecrets ?? [],
    (s) => s.name ?? '',
    (i, name) => out.push(`${String(at('imagePullSecrets')(i)('name'))}: duplicate name ${JSON.stringify(name)}`),
  );
  for (const [i, { name }] of (spec.imagePullSecrets ?? []).entries())
    if (!name) out.push(`${String(at('imagePullSecrets')(i)('name'))}: invalid empty name ""`);
  fractional(spec.overhead, at('overhead'), out);
  if (!spec.securityContext?.seccompProfile && annotations[SECCOMP_POD] !== undefined)
    out.push(`${String(notesAt.key(SECCOMP_POD))}: ${SECCOMP}`);
  const containers = [...containersOf(spec, at)];
  for (const [container, here] of containers) {
    const key = `${SECCOMP_CONTAINER}${container.name}`;
    if (!container.securityContext?.seccompProfile && own(annotations, key) !== undefined)
      out.push(`${String(notesAt.key(key))}: ${SECCOMP}`);
    if (isTemplate) out.push(...appArmorOfTemplate(container, spec, annotations, notesAt));
    containerWarnings(container, here, out);
  }
  portWarnings(containers, out);
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    out.push(
      `${String(at('terminationGracePeriodSeconds'))}: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  out.push(...affinityWarnings(spec.affinity, at('affinity')));
  for (const [i, server] of (spec.dnsConfig?.nameservers ?? []).entries())
    out.push(...ipWarnings(server, at('dnsConfig')('nameservers')(i)));
  for (const [i, { ip }] of (spec.hostAliases ?? []).entries()) out.push(...ipWarnings(ip, at('hostAliases')(i)('ip')));
  return out;
}
/** Of a Pod copyAppArmor() says it. */
function* appArmorOfTemplate(
  container: AnyContainer,
  spec: PodSpec,
  annotations: Readonly<Record<string, string>>,
  notesAt: FieldPath,
): Generator<string> {
  const key = `${APP_ARMOR}${container.name}`;
  const value = own(annotations, key);
  if (value === undefined || container.securityContext?.appArmorProfile) return;
  const whole = spec.securityContext?.appArmorProfile;
  if (!whole || !equal(whole, profileOf(value))) yield appArmorWarning(key, notesAt);
}
function repeated<T>(
  items: readonly T[],
  key: (item: T) => string,
  report: (index: number, key: string) => void,
): void {
  const seen = new Set<string>();
  for (const [i, item] of items.entries()) {
    if (seen.has(key(item))) report(i, key(item));
    seen.add(key(item));
  }
}
function fractional(list: Readonly<Record<string, string | number>> | undefined, at: FieldPath, out: string[]): void {
  for (const name of ['memory', 'ephemeral-storage']) {
    const value = list?.[name];
    if (value !== undefined && parseQuantity(value).nano % 1_000_000_000n !== 0n)
      out.push(
        `${String(at.key(name))}: fractional byte value ${JSON.stringify(String(value))} is invalid, must be an integer`,
      );
  }
}
function containerWarnings(c: AnyContainer, at: FieldPath, out: string[]): void {
  const { limits, requests } = c.resources ?? {};
  const own: string[] = [];
  fractional(limits, at('resources')('limits'), own);
  fractional(requests, at('resources')('requests'), own);
  // Memory of both before storage of both.
  out.push(...own.filter((w) => w.includes('[memory]')), ...own.filter((w) => !w.includes('[memory]')));
  const seen = new Set<string>();
  for (const [i, { name, value = '', valueFrom }] of (c.env ?? []).entries()) {
    const reference = `$(${name})`;
    if (seen.has(name) && (valueFrom || value === reference || !value.includes(reference)))
      out.push(
        `${String(at('env')(i))}: hides previous definition of ${JSON.stringify(name)}, which may be dropped when using apply`,
      );
    seen.add(name);
  }
}
function portWarnings(containers: readonly (readonly [AnyContainer, FieldPath])[], out: string[]): void {
  const seen = new Map<string, { at: FieldPath; port: ContainerPort }[]>();
  const all = containers.flatMap(([c, at]) => (c.ports ?? []).map((port, i) => ({ port, at: at('ports')(i) })));
  for (const { port, at } of all) {
    const { hostIP: ip = '', hostPort = 0 } = port;
    // As Go prints the struct.
    if (ip !== '' && hostPort === 0)
      out.push(
        `${String(at)}: hostIP set without hostPort: {Name:${port.name ?? ''} HostPort:0 ContainerPort:${port.containerPort} Protocol:${port.protocol ?? ''} HostIP:${ip}}`,
      );
    const key = `${port.containerPort}/${port.protocol}`;
    const others = seen.get(key) ?? [];
    for (const other of others) {
      const { hostIP: otherIp = '', hostPort: otherPort = 0 } = other.port;
      if (ip === otherIp && hostPort === otherPort)
        out.push(`${String(at)}: duplicate port definition with ${String(other.at)}`);
      else if (hostPort === 0 || otherPort === 0)
        out.push(`${String(at)}: overlapping port definition with ${String(other.at)}`);
      else if (hostPort === otherPort && (ip === '') !== (otherIp === ''))
        out.push(`${String(at)}: dangerously ambiguous port definition with ${String(other.at)}`);
    }
    seen.set(key, [...others, { at, port }]);
  }
  const names = new Map<string, FieldPath>();
  for (const { port, at } of all) {
    if (!port.name) continue;
    const other = names.get(port.name);
    if (other)
      out.push(
        `${String(at)}: duplicate port name ${JSON.stringify(port.name)} with ${String(other)}, services and probes that select ports by name will use ${String(other)}`,
      );
    else names.set(port.name, at);
  }
}
