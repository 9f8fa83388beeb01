import type { Bus, Subscription } from '../../bus/bus.ts';
import type { PortForwardRequest } from '../../bus/protocol/node.ts';
import { SessionStream } from '../../bus/session-stream.ts';
import * as subjects from '../../bus/subjects.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import type { NodeContext } from './context.ts';

/** Connections to ports of this node's pods, for who cannot dial them: the session is what a socket would be. */
export function servePortForward(bus: Bus, node: NodeContext): Subscription {
  const { listener } = node.runtime;
  // Nobody listening here is how others know that these pods have a network.
  if (listener === undefined) return { unsubscribe: () => undefined };
  return bus.serveSessions(subjects.node(node.nodeName, 'portforward'), 'node', (message, session) => {
    const { namespace, name, ip, port } = message.body as PortForwardRequest;
    const pod = [...podsNamed(node, `${namespace}/${name}`)].find(
      (worker) => ip === undefined || worker.sandbox?.ip === ip || worker.sandbox?.ip === undefined,
    );
    const take = pod && listener(pod.uid, port);
    if (take === undefined)
      throw new ApiError('BadRequest', `nothing listens on port ${port} of pod "${namespace}/${name}"`);
    const stream = new SessionStream(session);
    stream.on('error', (error) => node.world.log.debug('a forwarded connection broke', { err: error }));
    take(stream);
  });
}
function* podsNamed(node: NodeContext, key: string): Iterable<{ uid: string; sandbox: { ip: string | undefined } | undefined }> {
  for (const worker of node.pods.values()) if (worker.key === key) yield worker;
} // prettier-ignore
