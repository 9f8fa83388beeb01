import { reasonOf, toStatus } from '../../../../../schemas/meta/status.ts';
import * as subjects from '../../../../../bus/subjects.ts';
import type { Session } from '../../../../../bus/bus.ts';
import { NODE_SILENCE_MS } from '../../../../../bus/protocol/node.ts';
import type { ConnectAnswer, Connecting, Core } from '../../../core.ts';
import { badRequest } from '../../../errors.ts';
import { PROTOCOL_SPDY } from '../../../outbound/backend.ts';
import type { Exchange } from '../exchange.ts';
import { forward } from '../forward.ts';
import { shakeHands } from '../web-socket.ts';
import { CHANNEL_PROTOCOLS, ChannelStreams } from './channels.ts';
import { FORWARD_PROTOCOL, forwardChannels, forwardStreams } from './port-forward.ts';
import type { RemoteStreams, Wanted } from './remote-streams.ts';
import { run } from './run.ts';
import { SPDY_PROTOCOLS, SpdyStreams } from './spdy-streams.ts';
import { Tunnel } from './tunnel.ts';
import { offeredByWebSocket, refuse, upgradeToSpdy } from './upgrades.ts';

/** Frames of output that may be on their way to a slow client. */
const WINDOW = 64;

/**
 * Joins a client to a process or to ports of a pod by sessions with the node's agent. Who is not on the bus is asked as any
 * kubelet. Source: kubelet pkg/server getExec, getAttach, getPortForward; cri-streaming pkg/streaming.
 */
export async function connect(core: Core, exchange: Exchange, answer: ConnectAnswer, client: string): Promise<void> {
  const { asks } = answer;
  if (exchange.hijack === undefined) throw badRequest('Upgrade request required');
  try {
    await (asks.op === 'portforward' ? forwardPorts(core, exchange, answer.node, asks) : reach(core, exchange, answer.node, asks));
  } catch (error) {
    if (exchange.sent) throw error;
    if (reasonOf(error) === 'ServiceUnavailable') return forward(core, exchange, answer.otherwise, client);
    const { code, message = '' } = toStatus(error);
    refuse(exchange, code, message);
  }
} // prettier-ignore
/** For as long as it lasts. */
async function noted(exchange: Exchange, lasts: Promise<void>): Promise<void> {
  exchange.lasting = true;
  void exchange.audit?.starts(101);
  await lasts.finally(() => void exchange.audit?.ends());
}

type Process = Exclude<Connecting, { readonly op: 'portforward' }>;
async function reach(core: Core, exchange: Exchange, node: string, { op, request }: Process): Promise<void> {
  if (!request.stdin && !request.stdout && !request.stderr)
    return refuse(exchange, 400, 'you must specify at least 1 of stdin, stdout, stderr');
  const session: Session = await core.bus.open(subjects.node(node, op), request, {
    window: WINDOW,
    silenceMs: NODE_SILENCE_MS,
  });
  const streams = await openStreams(core, exchange, request);
  if (streams === undefined) return session.close();
  await noted(exchange, run(core.world, session, streams));
}
/** undefined: the client was refused, or is gone. */
async function openStreams(core: Core, exchange: Exchange, wanted: Wanted): Promise<RemoteStreams | undefined> {
  const offered = offeredByWebSocket(exchange);
  if (offered !== undefined) {
    const name = offered.find((p) => Object.hasOwn(CHANNEL_PROTOCOLS, p));
    if (name === undefined) return refuse(exchange, 403, '');
    const socket = shakeHands(exchange, name);
    return socket && new ChannelStreams(socket, CHANNEL_PROTOCOLS[name]!, wanted);
  }
  const upgraded = upgradeToSpdy(exchange, SPDY_PROTOCOLS);
  if (upgraded === undefined) return undefined;
  const streams = new SpdyStreams(core.world, upgraded.socket, upgraded.protocol, wanted);
  try {
    await streams.ready;
    return streams;
  } catch (error) {
    core.world.log.debug('a client did not open its streams', { err: error });
    streams.abort();
    return undefined;
  }
}

type Ports = Extract<Connecting, { readonly op: 'portforward' }>;
const TUNNELLED = `${PROTOCOL_SPDY}+${FORWARD_PROTOCOL}`;
const FORWARD_CHANNELS = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io', ''];
async function forwardPorts(core: Core, exchange: Exchange, node: string, { pod, ports }: Ports): Promise<void> {
  const offered = offeredByWebSocket(exchange);
  const isTunnelled = offered?.includes(TUNNELLED) === true;
  if (offered !== undefined && !isTunnelled && ports.length === 0)
    return refuse(exchange, 400, 'query parameter "port" is required');
  // Whether there is such a pod, and anybody who knows.
  await core.bus.request(subjects.node(node, 'dial'), pod);
  const to = { node, pod };
  if (offered === undefined) {
    const upgraded = upgradeToSpdy(exchange, [FORWARD_PROTOCOL]);
    if (upgraded !== undefined) await noted(exchange, forwardStreams(core, to, upgraded.socket));
    return;
  }
  const name = isTunnelled ? TUNNELLED : offered.find((p) => FORWARD_CHANNELS.includes(p));
  if (name === undefined) return refuse(exchange, 403, '');
  const socket = shakeHands(exchange, name);
  if (socket === undefined) return;
  const lasts = isTunnelled
    ? forwardStreams(core, to, new Tunnel(socket))
    : forwardChannels(core, to, ports, socket, CHANNEL_PROTOCOLS[name]!);
  await noted(exchange, lasts);
}
