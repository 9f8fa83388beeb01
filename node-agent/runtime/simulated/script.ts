import { parse } from 'yaml';
import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';
import { isSidecar } from '../../../schemas/helpers/pod-resources.ts';
import type { ProbeKind } from '../interface.ts';

/**
 * How simulated containers behave, scripted per pod by the annotation `kubus.dev/simulate`, YAML or JSON:
 *
 *     kubus.dev/simulate: |
 *       sandbox: { delayMs: 20 }              # error: text -> FailedCreatePodSandBox, retried
 *       containers:
 *         web:
 *           pull: { delayMs: 300, error: "manifest unknown", failures: 2 }  # fails twice, then works; no failures: always
 *           startDelayMs: 100                 # startError: text -> RunContainerError
 *           runs:                             # one entry a run, the last one repeats
 *             - { exitAfterMs: 500, exitCode: 1, message: "no database" }
 *             - { exitAfterMs: 800, reason: OOMKilled }
 *             - {}                            # runs until it is stopped
 *           stopAfterMs: 50                   # time it takes to end after SIGTERM; ignoresTerm: true -> killed, 137
 *           readiness: [false, false, true]   # one result a probe, the last one repeats; a new run begins anew
 *           liveness: [true]
 *           startup: [false, true]
 *           postStart: error text             # preStopMs: 200
 *           logs: ["listening on :8080"]      # logEveryMs: 1000 repeats the last line
 *
 * What containers use is said there too, see usage.ts. A single run may be written without `runs`. Without a script commands do what they say as far as they are understood
 * (see shell.ts). Else init containers and containers of Jobs succeed, and everything else (also of Jobs an image called
 * `pause`) runs until it is stopped. There are no images with the tag `404` or `nonexistent`, or of a host `invalid.*`.
 */
export interface Script {
  readonly sandbox: { readonly delayMs: number; readonly error?: string | undefined };
  of(container: Container): ContainerScript;
}
export interface ContainerScript {
  readonly pull: { readonly delayMs: number; readonly error?: string | undefined; readonly failures: number };
  readonly startDelayMs: number;
  readonly startError?: string | undefined;
  readonly runs: readonly Run[];
  /** What decides in place of `runs` if it is understood. */
  readonly command?: readonly string[] | undefined;
  readonly stopAfterMs: number;
  readonly ignoresTerm: boolean;
  /** Without an entry they go well, unless they ask by a command that is understood. */
  readonly probes: Readonly<Record<ProbeKind, readonly boolean[]>>;
  readonly postStart?: string | undefined;
  readonly preStopMs: number;
  /** undefined: what its command prints. */
  readonly logs: readonly string[] | undefined;
  readonly logEveryMs?: number | undefined;
}
export interface Run {
  /** undefined: until stopped. */
  readonly exitAfterMs?: number | undefined;
  readonly exitCode: number;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}
export const SIMULATE = 'kubus.dev/simulate';

/** Reads a pod's script; a malformed one is reported to `complain` and ignored, part by part. */
export function scriptOf(pod: Pod, complain: (problem: string) => void = () => undefined): Script {
  const text = pod.metadata.annotations?.[SIMULATE];
  let root: Fields = {};
  if (text !== undefined)
    try {
      root = read(text);
    } catch (error) {
      complain(`annotation ${SIMULATE}: ${(error as Error).message}`);
    }
  const sandbox = fields(root['sandbox']);
  const containers = fields(root['containers']);
  return {
    sandbox: { delayMs: number(sandbox['delayMs']) ?? 0, error: string(sandbox['error']) },
    of: (container) => {
      const own = { ...root, ...fields(containers[container.name]) };
      const pull = fields(own['pull']);
      const error = string(pull['error']);
      return {
        pull: { delayMs: number(pull['delayMs']) ?? 0, error, failures: number(pull['failures']) ?? Infinity },
        startDelayMs: number(own['startDelayMs']) ?? 0,
        startError: string(own['startError']),
        ...runsOf(own, pod, container),
        stopAfterMs: number(own['stopAfterMs']) ?? 0,
        ignoresTerm: own['ignoresTerm'] === true,
        probes: {
          readiness: booleans(own['readiness']),
          liveness: booleans(own['liveness']),
          startup: booleans(own['startup']),
        },
        postStart: string(own['postStart']),
        preStopMs: number(own['preStopMs']) ?? 0,
        logs: Array.isArray(own['logs']) ? own['logs'].map(String) : undefined,
        logEveryMs: number(own['logEveryMs']),
      };
    },
  };
}
/** A set's pods have one text, and each pod asks several times. */
const known = new Map<string, Fields>();
const MOST_KNOWN = 64;
/** Thrown: as by `parse`. */
function read(text: string): Fields {
  let root = known.get(text);
  if (root === undefined) {
    // Pretty errors quote the text, which may hold what does not belong into a log.
    root = fields(parse(text, { prettyErrors: false }));
    if (known.size >= MOST_KNOWN) known.clear();
    known.set(text, root);
  }
  return root;
}
function runsOf(own: Fields, pod: Pod, container: Container): Pick<ContainerScript, 'runs' | 'command'> {
  if (Array.isArray(own['runs']) && own['runs'].length > 0)
    return { runs: own['runs'].map((run) => runOf(fields(run))) };
  if ('exitAfterMs' in own || 'exitCode' in own || 'reason' in own)
    return { runs: [runOf({ exitAfterMs: 0, ...own })] };
  const command = [...(container.command ?? []), ...(container.args ?? [])];
  if (command.length === 0 && PAUSE.test(container.image ?? '')) return { runs: [FOREVER] };
  return { runs: [unexplained(pod, container)], ...(command.length > 0 && { command }) };
}
/** What a container does of which nothing is known. */
function unexplained(pod: Pod, container: Container): Run {
  const isInit = pod.spec?.initContainers?.some((c) => c.name === container.name) === true;
  if (isInit && !isSidecar(container)) return { exitAfterMs: 0, exitCode: 0 };
  const ofJob = pod.metadata.ownerReferences?.some((o) => o.controller === true && o.kind === 'Job') === true;
  return ofJob ? { exitAfterMs: 1_000, exitCode: 0 } : FOREVER;
}
const FOREVER: Run = { exitCode: 0 };
/** What it does is known: nothing. */
const PAUSE = /(?:^|\/)pause(?:[:@]|$)/;
function runOf(f: Fields): Run {
  const reason = string(f['reason']);
  const exitCode = number(f['exitCode']) ?? (reason === 'OOMKilled' ? 137 : 0);
  const ends = f['exitAfterMs'] !== undefined || f['exitCode'] !== undefined || reason !== undefined;
  return {
    ...(ends && { exitAfterMs: number(f['exitAfterMs']) ?? 0 }),
    exitCode,
    reason,
    message: string(f['message']),
  };
}
type Fields = Readonly<Record<string, unknown>>;
const fields = (x: unknown): Fields => (typeof x === 'object' && x !== null && !Array.isArray(x) ? (x as Fields) : {});
const number = (x: unknown): number | undefined => (typeof x === 'number' && x >= 0 ? x : undefined);
const string = (x: unknown): string | undefined => (typeof x === 'string' ? x : undefined);
const booleans = (x: unknown): readonly boolean[] => (Array.isArray(x) ? x.map(Boolean) : []);
