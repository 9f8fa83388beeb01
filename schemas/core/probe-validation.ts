import type { Errors } from '../define.ts';
import type { Lifecycle, LifecycleHandler, PodOS, Probe } from '../generated/core-v1.ts';
import { nonNegative } from '../meta/field-checks.ts';
import { forbidden, invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { httpHeaderName, portName, portNumber } from '../meta/names.ts';

const SCHEMES = ['HTTP', 'HTTPS'];
type Handler = Probe & LifecycleHandler;
const KINDS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;

/** Source: pkg/apis/core/validation validateHandler. */
function* validateHandler(handler: Handler, grace: number | undefined, at: FieldPath): Errors {
  let found = 0;
  for (const kind of KINDS) {
    if (!handler[kind]) continue;
    if (found++ > 0) yield forbidden(at(kind), 'may not specify more than 1 handler type');
    else yield* validateAction(handler, kind, grace, at(kind));
  }
  if (found === 0) yield required(at, 'must specify a handler type');
}
function* validateAction(
  handler: Handler,
  kind: (typeof KINDS)[number],
  grace: number | undefined,
  at: FieldPath,
): Errors {
  switch (kind) {
    case 'exec':
      if ((handler.exec!.command ?? []).length === 0) yield required(at('command'));
      return;
    case 'httpGet': {
      const { path, port, scheme = '', httpHeaders = [] } = handler.httpGet!;
      if (!path) yield required(at('path'));
      yield* validatePort(port, at('port'));
      if (!SCHEMES.includes(scheme)) yield notSupported(at('scheme'), scheme, SCHEMES);
      for (const { name } of httpHeaders)
        for (const why of httpHeaderName(name)) yield invalid(at('httpHeaders'), name, why);
      return;
    }
    case 'tcpSocket':
      yield* validatePort(handler.tcpSocket!.port, at('port'));
      return;
    case 'grpc':
      yield* validatePort(handler.grpc!.port, at('port'));
      return;
    default: {
      const { seconds } = handler.sleep!;
      if (grace !== undefined && (seconds < 0 || seconds > grace))
        yield invalid(at, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`);
    }
  }
}
/** A number or the name of one. */
export function* validatePort(port: number | string | undefined, at: FieldPath): Errors {
  for (const why of typeof port === 'string' ? portName(port) : portNumber(port ?? 0))
    yield invalid(at, port ?? 0, why);
}
function* validateProbe(probe: Probe, grace: number | undefined, at: FieldPath): Errors {
  yield* validateHandler(probe, grace, at);
  for (const field of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const)
    yield* nonNegative(probe[field], at(field));
  const own = probe.terminationGracePeriodSeconds;
  if (own !== undefined && own <= 0) yield invalid(at('terminationGracePeriodSeconds'), own, 'must be greater than 0');
}
interface Probed {
  readonly lifecycle?: Lifecycle | undefined;
  readonly livenessProbe?: Probe | undefined;
  readonly readinessProbe?: Probe | undefined;
  readonly startupProbe?: Probe | undefined;
}
/** Of containers that run as long as the pod. */
export function* validateProbes(
  container: Probed,
  grace: number | undefined,
  os: PodOS | undefined,
  at: FieldPath,
): Errors {
  const { lifecycle, livenessProbe, readinessProbe, startupProbe } = container;
  if (lifecycle) yield* validateLifecycle(lifecycle, grace, os, at('lifecycle'));
  if (livenessProbe) {
    yield* validateProbe(livenessProbe, grace, at('livenessProbe'));
    yield* mustBeOne(livenessProbe, at('livenessProbe'));
  }
  if (readinessProbe) {
    yield* validateProbe(readinessProbe, grace, at('readinessProbe'));
    if (readinessProbe.terminationGracePeriodSeconds !== undefined)
      yield invalid(
        at('readinessProbe')('terminationGracePeriodSeconds'),
        readinessProbe.terminationGracePeriodSeconds,
        'must not be set for readinessProbes',
      );
  }
  if (startupProbe) {
    yield* validateProbe(startupProbe, grace, at('startupProbe'));
    yield* mustBeOne(startupProbe, at('startupProbe'));
  }
}
function* mustBeOne({ successThreshold }: Probe, at: FieldPath): Errors {
  if (successThreshold !== 1) yield invalid(at('successThreshold'), successThreshold ?? 0, 'must be 1');
}
const WINDOWS_SIGNALS = ['SIGKILL', 'SIGTERM'];
const LINUX_SIGNALS: readonly string[] = [
  ...'ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT RTMAX SEGV STKFLT STOP SYS TERM TRAP TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ RTMIN'.split(' ').map((s) => `SIG${s}`),
  ...Array.from({ length: 15 }, (_, i) => `SIGRTMIN+${i + 1}`), ...Array.from({ length: 14 }, (_, i) => `SIGRTMAX-${i + 1}`),
].sort(); // prettier-ignore
function* validateLifecycle(
  { postStart, preStop, stopSignal }: Lifecycle,
  grace: number | undefined,
  os: PodOS | undefined,
  at: FieldPath,
): Errors {
  if (postStart) yield* validateHandler(postStart, grace, at('postStart'));
  if (preStop) yield* validateHandler(preStop, grace, at('preStop'));
  if (stopSignal === undefined) return;
  const known = os?.name === 'windows' ? WINDOWS_SIGNALS : LINUX_SIGNALS;
  if (!os) yield forbidden(at('stopSignal'), 'may not be set for containers with empty `spec.os.name`');
  else if (!known.includes(stopSignal)) yield notSupported(at('stopSignal'), stopSignal, known);
}
