import type { Bus, Session, Subscription } from '../../bus/bus.ts';
import type { LogRequest } from '../../bus/protocol/node.ts';
import * as subjects from '../../bus/subjects.ts';
import { ApiError, toStatus } from '../../schemas/meta/status.ts';
import { formatMicroTime, parseTime } from '../../schemas/meta/time.ts';
import type { LogLine } from '../runtime/interface.ts';
import type { NodeContext } from './context.ts';

/** Answers the API server's requests for logs: a session of bytes that ends with the log. */
export function serveLogs(bus: Bus, node: NodeContext): Subscription {
  return bus.serveSessions(subjects.node(node.nodeName, 'logs'), 'node', (message, session) => {
    const request = message.body as LogRequest;
    // Whoever asks for what is not there is refused.
    const id = runOf(node, request);
    sendLog(node, id, request, session).then(
      () => session.close(),
      (error: unknown) => session.close(toStatus(error)),
    );
  });
}
/** Sends what is asked for of the log of a container. */
export async function sendLog(node: NodeContext, id: string, request: LogRequest, session: Session): Promise<void> {
  if (node.runtime.logFile !== undefined) return sendFile(node, id, node.runtime.logFile(id) ?? '', request, session);
  const { follow, limitBytes, tailLines } = request;
  const since = sinceOf(request, node.world.clock.now());
  const lines = node.runtime.logs(id, { follow, signal: session.signal });
  let left = limitBytes ?? Infinity;
  const write = async (line: LogLine): Promise<void> => {
    const bytes = encode(line, request.timestamps).subarray(0, Math.min(left, Number.MAX_SAFE_INTEGER));
    left -= bytes.length;
    await session.send(bytes);
  };
  if (tailLines === undefined) {
    for await (const line of lines) {
      if (line.time >= since) await write(line);
      if (left <= 0) return;
    }
    return;
  }
  // The tail of what there is, then, if asked to, what comes.
  const present: LogLine[] = [];
  for await (const line of node.runtime.logs(id, {})) if (line.time >= since) present.push(line);
  const seen = present.length;
  for (const line of present.slice(Math.max(seen - tailLines, 0))) {
    await write(line);
    if (left <= 0) return;
  }
  if (!follow) return;
  let at = 0;
  for await (const line of lines) {
    if (line.time >= since && ++at > seen) await write(line);
    if (left <= 0) return;
  }
}
/** Of a runtime that keeps logs in files. Source: kuberuntime ReadLogs. */
async function sendFile(node: NodeContext, id: string, path: string, request: LogRequest, session: Session): Promise<void> {
  const { readLogFile, sinceNanos } = await import('../streams/logs/index.ts');
  const { signal } = session;
  const { timestamps, limitBytes, tailLines, follow } = request;
  const since = sinceNanos(request, node.world.clock.now());
  const isRunning = (): boolean => ['created', 'running'].includes(node.runtime.containerStatus(id)?.state ?? '');
  const options = { timestamps, limitBytes, tailLines, follow, since, signal, isRunning };
  try {
    for await (const bytes of readLogFile(node.world.clock, path, options)) await session.send(bytes);
  } catch (error) {
    if (signal.aborted || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new ApiError('BadRequest', `failed to try resolving symlinks in path ${JSON.stringify(path)}: lstat ${path}: no such file or directory`);
  }
} // prettier-ignore
/** Id of the container whose log is meant. Throws in the texts of kubelet.validateContainerLogStatus. */
export function runOf(node: NodeContext, { uid, namespace, name, container, previous }: LogRequest): string {
  const pod = node.pods.get(uid) ?? [...node.pods.values()].find((p) => p.key === `${namespace}/${name}`);
  if (pod === undefined) throw new ApiError('NotFound', `pod "${name}" not found`);
  const worker = pod.container(container);
  const where = `container "${container}" in pod "${name}"`;
  if (previous) {
    const id = worker?.record.state.waiting === undefined ? worker?.previous : worker.record.id;
    if (id === undefined || node.runtime.containerStatus(id) === undefined)
      throw new ApiError('BadRequest', `previous terminated ${where} not found`);
    return id;
  }
  const id = worker?.record.id;
  if (id !== undefined && node.runtime.containerStatus(id) !== undefined) return id;
  const waiting = worker?.record.state.waiting?.reason ?? 'ContainerCreating';
  if (waiting === 'ErrImagePull' || waiting === 'ImagePullBackOff')
    throw new ApiError('BadRequest', `${where} is waiting to start: trying and failing to pull image`);
  if (worker === undefined || worker.record.state.waiting !== undefined)
    throw new ApiError('BadRequest', `${where} is waiting to start: ${waiting}`);
  throw new ApiError('BadRequest', `${where} is not available`);
}
const sinceOf = (request: LogRequest, now: number): number =>
  request.sinceSeconds !== undefined
    ? now - request.sinceSeconds * 1_000
    : ((request.sinceTime === undefined ? undefined : parseTime(request.sinceTime)) ?? -Infinity);
const encoder = new TextEncoder();
const encode = (line: LogLine, timestamps: boolean): Uint8Array =>
  encoder.encode(`${timestamps ? `${nanos(line.time)} ` : ''}${line.text}\n`);
/** RFC 3339 with nanoseconds. */
const nanos = (ms: number): string => formatMicroTime(ms).replace('Z', '000Z');
