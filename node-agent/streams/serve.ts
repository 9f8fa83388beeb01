/** Processes in containers and ports of pods, for who is at the other end of a session. */
import type { Bus, Session, Subscription } from '../../bus/bus.ts';
import {
  STREAM,
  type AttachRequest,
  type DialRequest,
  type ExecRequest,
  type StreamInput,
} from '../../bus/protocol/node.ts';
import { SessionStream } from '../../bus/session-stream.ts';
import * as subjects from '../../bus/subjects.ts';
import { ApiError, statusOf } from '../../schemas/meta/status.ts';
import type { NodeContext } from '../kubelet/context.ts';
import type { PodWorker } from '../kubelet/pod/worker.ts';
import type { ContainerStreaming, RemoteProcess } from '../runtime/interface.ts';
import { idleMs, watchIdle } from './idle.ts';

/** Output that is put into one frame at most. */
const FRAME_BYTES = 32 * 1024;
const QUEUE = 'node';

export function serveStreams(bus: Bus, node: NodeContext): Subscription {
  const at = (op: string): string => subjects.node(node.nodeName, op);
  const served = [
    bus.serveSessions(at('exec'), QUEUE, (message, session) => exec(node, message.body as ExecRequest, session)),
    bus.serveSessions(at('attach'), QUEUE, (message, session) => attach(node, message.body as AttachRequest, session)),
    bus.serve(at('dial'), QUEUE, (message) => void sandboxOf(node, message.body as DialRequest)),
    bus.serveSessions(at('dial'), QUEUE, (message, session) => dial(node, message.body as DialRequest, session)),
  ];
  return { unsubscribe: () => served.forEach((one) => one.unsubscribe()) };
}
const streamingOf = ({ runtime }: NodeContext): ContainerStreaming => {
  if (runtime.streaming === undefined) throw failure('the runtime of this node does not reach into containers');
  return runtime.streaming;
};
const failure = (message: string): ApiError => new ApiError('InternalError', message);
const explained = (error: unknown): ApiError => (error instanceof ApiError ? error : failure((error as Error).message));

async function exec(node: NodeContext, request: ExecRequest, session: Session): Promise<void> {
  const id = runningContainer(node, request) ?? refuse(`container not found (${JSON.stringify(request.container)})`);
  const begun = streamingOf(node).exec(id, request, session.signal);
  join(node, await begun.catch((error: unknown) => Promise.reject(explained(error))), session);
}
async function attach(node: NodeContext, request: AttachRequest, session: Session): Promise<void> {
  const pod = podOf(node, request);
  const notFound = `container ${request.container} not found in pod ${request.name}_${request.namespace}`;
  const id = runningContainer(node, request) ?? refuse(notFound);
  const tty = pod?.container(request.container)?.record.spec.tty === true;
  const begun = streamingOf(node).attach(id, { ...request, tty, stderr: request.stderr && !tty }, session.signal);
  join(node, await begun.catch((error: unknown) => Promise.reject(explained(error))), session);
}
const refuse = (message: string): never => {
  throw failure(message);
};
async function dial(node: NodeContext, request: DialRequest, session: Session): Promise<void> {
  const pod = podOf(node, request);
  if (pod?.sandbox === undefined) throw failure(`pod not found (${JSON.stringify(`${request.name}_${request.namespace}`)})`);
  const begun = streamingOf(node).portForward(pod.sandbox.id, pod.uid, request.port, session.signal);
  const remote = await begun.catch((error: unknown) => Promise.reject(explained(error)));
  const local = new SessionStream(session);
  const idle = watchIdle(node.world.clock, idleMs(node), () => local.destroy(new Error(IDLE)));
  for (const end of [local, remote]) end.on('data', idle.touch);
  local.on('error', () => remote.destroy());
  remote.on('error', (error) => local.destroy(error));
  local.on('close', () => {
    idle.stop();
    remote.destroy();
  });
  remote.on('close', () => local.end());
  local.pipe(remote).pipe(local);
} // prettier-ignore
/** Throws if the pod does not run. */
function sandboxOf(
  node: NodeContext,
  of: Omit<DialRequest, 'port'>,
): { readonly sandbox: string; readonly uid: string } {
  const pod = podOf(node, of);
  if (pod?.sandbox !== undefined) return { sandbox: pod.sandbox.id, uid: pod.uid };
  throw failure(`pod not found (${JSON.stringify(`${of.name}_${of.namespace}`)})`);
}

/** The process and the session end each other. */
function join(node: NodeContext, process: RemoteProcess, session: Session): void {
  const failed = (error: unknown): void => {
    node.world.log.debug('a stream broke', { err: error });
    session.close(statusOf(error) ?? failure((error as Error).message).status);
  };
  // The runtime ends idle streams of its own accord too, as the original leaves it to.
  const idle = watchIdle(node.world.clock, idleMs(node), () => session.close(failure(IDLE).status));
  void session.closed.then(() => {
    idle.stop();
    process.close();
  });
  take(process, session, idle.touch).catch(failed);
  give(process, session, idle.touch).catch(failed);
}
const IDLE = 'nothing was said on the stream for too long';
async function take(process: RemoteProcess, session: Session, touch: () => void): Promise<void> {
  for await (const frame of session.frames()) {
    touch();
    const [channel, body] = frame as StreamInput;
    if (channel === STREAM.resize) process.resize(body);
    else if (body === null) process.endInput();
    else await process.write(body);
  }
  process.endInput();
}
async function give(process: RemoteProcess, session: Session, touch: () => void): Promise<void> {
  for await (const { stream, bytes } of process.output) {
    touch();
    for (let at = 0; at < bytes.length; at += FRAME_BYTES)
      await session.send([STREAM[stream], bytes.subarray(at, at + FRAME_BYTES)]);
  }
  await session.send([STREAM.status, await process.ended]);
  session.close();
}

function podOf(node: NodeContext, { uid, namespace, name }: Omit<DialRequest, 'port'>): PodWorker | undefined {
  const known = uid === undefined ? undefined : node.pods.get(uid);
  return known ?? [...node.pods.values()].find((pod) => pod.key === `${namespace}/${name}`);
}
/** Its id, if it runs. */
function runningContainer(node: NodeContext, request: AttachRequest): string | undefined {
  const id = podOf(node, request)?.container(request.container)?.record.id;
  return id !== undefined && node.runtime.containerStatus(id)?.state === 'running' ? id : undefined;
}
