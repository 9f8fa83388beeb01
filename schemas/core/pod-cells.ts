import type { Cell } from '../define.ts';
import type { Container, ContainerStatus, Pod } from '../generated/core-v1.ts';
import { age, humanDuration, parseTime } from '../meta/time.ts';

interface Summary {
  ready: number;
  restarts: number;
  /** When a container last ended and was started again. */
  lastRestart: number;
  reason: string;
}

/** A pod's row, all columns. Source: pkg/printers/internalversion printPod. */
export function podCells(pod: Pod, now: number): readonly Cell[] {
  const { metadata, spec, status } = pod;
  const sidecars = new Set((spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').map((c) => c.name));
  const total = (spec?.containers ?? []).length + sidecars.size;
  const { ready, restarts, lastRestart, reason } = summarize(pod, sidecars);
  return [
    metadata.name ?? '',
    `${ready}/${total}`,
    reason,
    restarts > 0 && lastRestart > 0 ? `${restarts} (${humanDuration(now - lastRestart)} ago)` : String(restarts),
    age(metadata.creationTimestamp, now),
    status?.podIPs?.[0]?.ip || '<none>',
    spec?.nodeName || '<none>',
    status?.nominatedNodeName || '<none>',
    readinessGates(pod),
  ];
}
function readinessGates({ spec, status }: Pod): string {
  const gates = spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const open = gates.filter((g) => status?.conditions?.find((c) => c.type === g.conditionType)?.status === 'True');
  return `${open.length}/${gates.length}`;
}
const restartedAt = (c: ContainerStatus): number => parseTime(c.lastState?.terminated?.finishedAt ?? '') ?? 0;

function summarize(pod: Pod, sidecars: ReadonlySet<string>): Summary {
  const { metadata, status } = pod;
  const gated = status?.conditions?.some((c) => c.type === 'PodScheduled' && c.reason === 'SchedulingGated');
  const out: Summary = {
    ready: 0,
    restarts: 0,
    lastRestart: 0,
    reason: gated ? 'SchedulingGated' : status?.reason || (status?.phase ?? ''),
  };
  const ofSidecars = { restarts: 0, lastRestart: 0 };
  const initializing = summarizeInit(pod, sidecars, out, ofSidecars);
  const initialized = status?.conditions?.some((c) => c.type === 'Initialized' && c.status === 'True');
  if (!initializing || initialized) {
    out.restarts = ofSidecars.restarts;
    out.lastRestart = ofSidecars.lastRestart;
    summarizeMain(pod, out);
  }
  if (metadata.deletionTimestamp) {
    if (status?.reason === 'NodeLost') out.reason = 'Unknown';
    else if (status?.phase !== 'Failed' && status?.phase !== 'Succeeded') out.reason = 'Terminating';
  }
  return out;
}
/** True while an init container has yet to end well; the reason is then its. */
function summarizeInit(
  pod: Pod,
  sidecars: ReadonlySet<string>,
  out: Summary,
  own: { restarts: number; lastRestart: number },
): boolean {
  // prettier-ignore
  const all: readonly Container[] = pod.spec?.initContainers ?? [];
  for (const [i, c] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const isSidecar = sidecars.has(c.name);
    out.restarts += c.restartCount;
    out.lastRestart = Math.max(out.lastRestart, restartedAt(c));
    if (isSidecar) {
      own.restarts += c.restartCount;
      own.lastRestart = Math.max(own.lastRestart, restartedAt(c));
    }
    const { terminated, waiting } = c.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (isSidecar && c.started === true) {
      if (c.ready) out.ready++;
      continue;
    }
    if (terminated) out.reason = `Init:${terminated.reason || ended(terminated)}`;
    else if (waiting?.reason && waiting.reason !== 'PodInitializing') out.reason = `Init:${waiting.reason}`;
    else out.reason = `Init:${i}/${all.length}`;
    return true;
  }
  return false;
}
const ended = (t: { signal?: number | undefined; exitCode: number }): string =>
  t.signal ? `Signal:${t.signal}` : `ExitCode:${t.exitCode}`;

function summarizeMain({ status }: Pod, out: Summary): void {
  let running = false;
  let failure = '';
  for (const c of [...(status?.containerStatuses ?? [])].reverse()) {
    out.restarts += c.restartCount;
    out.lastRestart = Math.max(out.lastRestart, restartedAt(c));
    const { terminated, waiting } = c.state ?? {};
    if (waiting?.reason) out.reason = waiting.reason;
    else if (terminated) {
      out.reason = terminated.reason || ended(terminated);
      if (terminated.exitCode !== 0) failure = out.reason;
    } else if (c.ready && c.state?.running) {
      running = true;
      out.ready++;
    }
  }
  if (out.reason !== 'Completed') return;
  const ready = status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
  if (running && ready) out.reason = 'Running';
  else if (failure !== '') out.reason = failure;
  else if (running) out.reason = 'NotReady';
}
