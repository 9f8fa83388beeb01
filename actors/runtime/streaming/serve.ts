import * as subjects from '../../../bus/subjects.ts';
import { NODE_SILENCE_MS } from '../../../bus/protocol/node.ts';
import { ChannelStreams, CHANNEL_PROTOCOLS } from './channels.ts';
import type { Connecting, StreamHost, UpgradeRequest } from './connecting.ts';
import { shakeHands } from './handshake.ts';
import { FORWARD_PROTOCOL, forwardChannels, forwardStreams } from './port-forward.ts';
import type { RemoteStreams, Wanted } from './remote-streams.ts';
import { run } from './run.ts';
import { SPDY_PROTOCOLS, SpdyStreams } from './spdy-streams.ts';
import { Tunnel } from './tunnel.ts';
import { offeredByWebSocket, refuse, SPDY, upgradeToSpdy } from './upgrades.ts';

/** Frames of output that may be on their way to a slow client. */
const WINDOW = 64;
/** Told of what has begun, and when it ends; resolves then. */
export type Lasting = (lasts: Promise<void>) => Promise<void>;

/**
 * Joins a client to a process or to ports of a pod by sessions with the node's agent, in whichever protocol it speaks.
 * Resolves when it is gone, or was refused and told why. Rejects with the node's ApiError before anything was said.
 * Source: kubelet pkg/server getExec, getAttach, getPortForward; cri-streaming pkg/streaming.
 */
export async function serveConnect(
  host: StreamHost,
  request: UpgradeRequest,
  node: string,
  asks: Connecting,
  lasting: Lasting,
): Promise<void> {
  const begun = asks.op === 'portforward' ? await forwardPorts(host, request, node, asks) : await reach(host, request, node, asks);
  if (begun !== undefined) await lasting(begun());
} // prettier-ignore

type Begin = () => Promise<void>;
type Process = Exclude<Connecting, { readonly op: 'portforward' }>;
async function reach(host: StreamHost, client: UpgradeRequest, node: string, { op, request }: Process): Promise<Begin | undefined> {
  if (!request.stdin && !request.stdout && !request.stderr)
    return refuse(client, 400, 'you must specify at least 1 of stdin, stdout, stderr');
  const session = await host.bus.open(subjects.node(node, op), request, { window: WINDOW, silenceMs: NODE_SILENCE_MS });
  const streams = await openStreams(host, client, request);
  if (streams !== undefined) return () => run(host.world, session, streams);
  session.close();
  return undefined;
} // prettier-ignore
/** undefined: the client was refused, or is gone. */
async function openStreams(host: StreamHost, client: UpgradeRequest, wanted: Wanted): Promise<RemoteStreams | undefined> {
  const offered = offeredByWebSocket(client);
  if (offered !== undefined) {
    const name = offered.find((p) => Object.hasOwn(CHANNEL_PROTOCOLS, p));
    if (name === undefined) return refuse(client, 403, '');
    const socket = shakeHands(client, name);
    return socket && new ChannelStreams(socket, CHANNEL_PROTOCOLS[name]!, wanted);
  }
  const upgraded = upgradeToSpdy(client, SPDY_PROTOCOLS);
  if (upgraded === undefined) return undefined;
  const streams = new SpdyStreams(host.world, upgraded.socket, upgraded.protocol, wanted);
  try {
    await streams.ready;
    return streams;
  } catch (error) {
    host.world.log.debug('a client did not open its streams', { err: error });
    streams.abort();
    return undefined;
  }
} // prettier-ignore

type Ports = Extract<Connecting, { readonly op: 'portforward' }>;
const TUNNELLED = `${SPDY}+${FORWARD_PROTOCOL}`;
const FORWARD_CHANNELS = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io', ''];
async function forwardPorts(host: StreamHost, client: UpgradeRequest, node: string, { pod, ports }: Ports): Promise<Begin | undefined> {
  const offered = offeredByWebSocket(client);
  const isTunnelled = offered?.includes(TUNNELLED) === true;
  if (offered !== undefined && !isTunnelled && ports.length === 0)
    return refuse(client, 400, 'query parameter "port" is required');
  // Whether there is such a pod, and anybody who knows.
  await host.bus.request(subjects.node(node, 'dial'), pod);
  const to = { node, pod };
  if (offered === undefined) {
    const upgraded = upgradeToSpdy(client, [FORWARD_PROTOCOL]);
    return upgraded && (() => forwardStreams(host, to, upgraded.socket));
  }
  const name = isTunnelled ? TUNNELLED : offered.find((p) => FORWARD_CHANNELS.includes(p));
  if (name === undefined) return refuse(client, 403, '');
  const socket = shakeHands(client, name);
  if (socket === undefined) return undefined;
  return isTunnelled
    ? () => forwardStreams(host, to, new Tunnel(socket))
    : () => forwardChannels(host, to, ports, socket, CHANNEL_PROTOCOLS[name]!);
} // prettier-ignore
