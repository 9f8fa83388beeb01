import type { Container, PodSpec } from '../../../schemas/generated/core-v1.ts';
import type { ContainerRecord, Role } from './record.ts';

/**
 * Whether a container that ended is to run again. Its own rules and policy go before the pod's; a sidecar always does, an
 * init container that has succeeded never, nor does an ephemeral one.
 * Source: component-helpers / api pod util ContainerShouldRestart.
 */
export function restarts(container: Container, role: Role, spec: PodSpec, exitCode: number): boolean {
  if (role === 'ephemeral') return false;
  if (ruleFor(container, exitCode) !== undefined) return true;
  if (role === 'init' && exitCode === 0) return false;
  switch (container.restartPolicy ?? spec.restartPolicy ?? 'Always') {
    case 'Always':
      return true;
    case 'OnFailure':
      return exitCode !== 0;
    default:
      return false;
  }
}
/** Whether a run that ended so was its last. Source: kubelet getPhase. */
export const isLast = (c: ContainerRecord, spec: PodSpec, { exitCode, reason }: { readonly exitCode: number; readonly reason?: string | undefined }): boolean =>
  c.again !== true && reason !== RESTARTING_ALL && !restarts(c.spec, c.role, spec, exitCode); // prettier-ignore
/** Why it ended, where another container's end was the reason. Source: kubelet RestartingAllContainers. */
export const RESTARTING_ALL = 'RestartingAllContainers';
/** The first of the container's rules that an exit code falls under. Source: api pod util FindMatchingContainerRestartRule. */
const ruleFor = ({ restartPolicyRules = [] }: Container, exitCode: number) =>
  restartPolicyRules.find(({ exitCodes }) => {
    const listed = exitCodes?.values?.includes(exitCode) === true;
    return exitCodes !== undefined && (exitCodes.operator === 'In' ? listed : !listed);
  });
/** Whether its end is that of all containers of its pod, which begin anew. */
export const restartsAll = (container: Container, exitCode: number): boolean =>
  ruleFor(container, exitCode)?.action === 'RestartAllContainers';
/** Source: kubelet initialCrashLoopBackOff, MaxCrashLoopBackOff, imageBackOffPeriod, MaxImageBackOff. */
export const BACKOFF_MS = 10_000;
export const MAX_BACKOFF_MS = 300_000;
/** Running this long wipes the slate clean. Source: client-go flowcontrol.Backoff hasExpired: twice the maximum. */
export const FORGIVEN_AFTER_MS = 2 * MAX_BACKOFF_MS;

/** The `n`-th (from 1) wait in a row, ms: 10 s doubling up to 5 min. */
export const backoffMs = (n: number): number => Math.min(BACKOFF_MS * 2 ** (n - 1), MAX_BACKOFF_MS);
/** As Go prints a duration of whole seconds: `10s`, `2m40s`, `5m0s`. */
export const goDuration = (ms: number): string => {
  const s = Math.round(ms / 1_000);
  return s < 60 ? `${s}s` : `${Math.trunc(s / 60)}m${s % 60}s`;
};
