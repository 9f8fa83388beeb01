/** Pages of the kubelet that reach into containers. Source: kubelet pkg/server getContainerLogs, getRun, checkpoint. */
import type { Session } from '../../bus/bus.ts';
import type { LogRequest, NodeAnswerHead, NodeRequest } from '../../bus/protocol/node.ts';
import { statusOf } from '../../schemas/meta/status.ts';
import type { NodeContext } from '../kubelet/context.ts';
import { runOf, sendLog } from '../kubelet/logs.ts';
import type { PodWorker } from '../kubelet/pod/worker.ts';

const TEXT = 'text/plain; charset=utf-8';
/** What a command says beyond it is thrown away. */
const MOST_OUTPUT_BYTES = 16 * 1024 * 1024;
const FRAME_BYTES = 64 * 1024;

/** Answers a request for one of them. */
export async function reach(node: NodeContext, { method, target }: NodeRequest, session: Session): Promise<void> {
  const mark = target.indexOf('?');
  const [, page = '', ...names] = (mark < 0 ? target : target.slice(0, mark)).split('/').map(decodeURIComponent);
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
  const [namespace = '', name = ''] = names;
  const container = names.at(-1) ?? '';
  const pod = [...node.pods.values()].find(({ key }) => key === `${namespace}/${name}`);
  if (page === 'containerLogs' && names.length === 3)
    return method === 'GET' ? logs(node, pod, { namespace, name, container }, query, session) : say(session, 405, '405: Method Not Allowed');
  if (page === 'run' && (names.length === 3 || names.length === 4))
    return method === 'POST' ? run(node, pod, container, query.get('cmd') ?? '', session) : say(session, 405, '405: Method Not Allowed');
  if (page === 'checkpoint' && names.length === 3)
    return method === 'POST' ? checkpoint(pod, { namespace, name, container }, query, session) : say(session, 405, '405: Method Not Allowed');
  if (page === 'run' || page === 'containerLogs' || page === 'checkpoint') return say(session, 404, '404 page not found\n');
  // They speak other protocols, in which nobody has asked.
  return say(session, 500, 'Upgrade request required\n');
} // prettier-ignore
async function say(session: Session, status: number, body: string | Uint8Array, type = TEXT): Promise<void> {
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const head: NodeAnswerHead = { status, headers: ['Content-Type', type, 'Content-Length', String(bytes.length)] };
  await session.send(head);
  for (let at = 0; at < bytes.length; at += FRAME_BYTES) await session.send(bytes.subarray(at, at + FRAME_BYTES));
}

type Where = Pick<LogRequest, 'namespace' | 'name' | 'container'>;
async function logs(
  node: NodeContext,
  pod: PodWorker | undefined,
  where: Where,
  query: URLSearchParams,
  session: Session,
): Promise<void> {
  const { name, container } = where;
  const options = optionsOf(query);
  if (typeof options === 'string') return say(session, options === UNDECODED ? 400 : 422, options);
  if (pod === undefined) return say(session, 404, `pod ${JSON.stringify(name)} does not exist`);
  if (pod.container(container) === undefined)
    return say(session, 404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(name)}`);
  const request: LogRequest = { ...where, uid: pod.uid, ...options };
  let id: string;
  try {
    id = runOf(node, request);
  } catch (error) {
    return say(session, 400, statusOf(error)?.message ?? String(error));
  }
  const head: NodeAnswerHead = { status: 200, headers: ['Content-Type', TEXT] };
  await session.send(head);
  return sendLog(node, id, request, session);
}
const UNDECODED = '{"message": "Unable to decode query."}';
const INVALID = '{"message": "Invalid request."}';
function optionsOf(query: URLSearchParams): Omit<LogRequest, keyof Where | 'uid'> | string {
  const flag = (name: string): boolean => !['false', '0', null].includes(query.get(name));
  const number = (name: string): number | undefined => {
    const value = query.get(name) ?? '';
    return value === '' ? undefined : /^-?\d+$/.test(value) ? Number(value) : Number.NaN;
  };
  const tail = query.get('tail');
  const tailLines = tail === null ? number('tailLines') : tail === 'all' ? undefined : Number(tail);
  const [limitBytes, sinceSeconds] = [number('limitBytes'), number('sinceSeconds')];
  const sinceTime = query.get('sinceTime') || undefined;
  if ([tailLines, limitBytes, sinceSeconds].some(Number.isNaN)) return UNDECODED;
  const isBoth = sinceSeconds !== undefined && sinceTime !== undefined;
  if ((tailLines ?? 0) < 0 || (limitBytes ?? 1) < 1 || (sinceSeconds ?? 1) < 1 || isBoth) return INVALID;
  return {
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(sinceSeconds !== undefined && { sinceSeconds }),
    ...(sinceTime !== undefined && { sinceTime }),
  };
}

async function run(node: NodeContext, pod: PodWorker | undefined, container: string, cmd: string, session: Session): Promise<void> {
  if (pod === undefined) return say(session, 404, 'pod does not exist');
  const id = pod.container(container)?.record.id;
  if (id === undefined || node.runtime.containerStatus(id)?.state !== 'running')
    return say(session, 500, `container not found (${JSON.stringify(container)})`);
  const { streaming } = node.runtime;
  if (streaming === undefined) return say(session, 500, 'the runtime of this node does not reach into containers');
  const command = cmd.split(' ');
  const process = await streaming.exec(id, { command, stdin: false, stdout: true, stderr: true, tty: false }, session.signal);
  void session.closed.then(() => process.close());
  const said = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  let size = 0;
  for await (const { stream, bytes } of process.output) if ((size += bytes.length) <= MOST_OUTPUT_BYTES) said[stream].push(bytes);
  const { status, message = '', reason, details } = await process.ended;
  process.close();
  const stderr = Buffer.concat(said.stderr);
  if (status === 'Success') return say(session, 200, Buffer.concat([...said.stdout, stderr]), 'application/json');
  const code = details?.causes?.[0]?.message ?? '';
  return say(session, 500, reason === 'NonZeroExitCode' ? `command '${command.join(' ')}' exited with ${code}: ${stderr.toString()}` : message);
} // prettier-ignore
/** What runtimes without CRIU say; others are not asked. Source: kubelet pkg/server checkpoint. */
const NO_CHECKPOINT = 'rpc error: code = Unimplemented desc = method CheckpointContainer not implemented';
function checkpoint(pod: PodWorker | undefined, { namespace, name, container }: Where, query: URLSearchParams, session: Session): Promise<void> {
  if (pod === undefined) return say(session, 404, 'pod does not exist');
  if (pod.container(container) === undefined) return say(session, 404, `container ${container} does not exist`);
  const timeout = query.getAll('timeout').at(-1);
  if (timeout !== undefined && !/^[-+]?\d+$/.test(timeout)) return say(session, 404, 'cannot parse value of timeout parameter');
  return say(session, 500, `checkpointing of ${namespace}/${name}/${container} failed (${NO_CHECKPOINT})`);
} // prettier-ignore
