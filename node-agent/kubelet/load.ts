import type { Bus, Session, Subscription } from '../../bus/bus.ts';
import type { LoadAnswer, LoadRequest } from '../../bus/protocol/node.ts';
import * as subjects from '../../bus/subjects.ts';
import { ApiError, toStatus } from '../../schemas/meta/status.ts';
import type { NodeContext } from './context.ts';

/** Takes archives of images that people bring (`kubus load`). */
export function serveLoad(bus: Bus, node: NodeContext): Subscription {
  return bus.serveSessions(subjects.node(node.nodeName, 'load'), 'node', (message, session) => {
    load(node, message.body as LoadRequest, session).then(
      () => session.close(),
      (error: unknown) => session.close(toStatus(error)),
    );
  });
}
async function load(node: NodeContext, request: LoadRequest, session: Session): Promise<void> {
  const images = await node.runtime.loadImages(received(session, request.bytes), request, session.signal);
  node.imagesChanged();
  node.world.log.info('images were loaded', { node: node.nodeName, images });
  await session.send({ images } satisfies LoadAnswer);
}
/** Rejects where the archive did not come whole. */
async function* received(session: Session, bytes: number): AsyncIterable<Uint8Array> {
  let left = bytes;
  if (left === 0) return;
  for await (const frame of session.frames()) {
    if (!(frame instanceof Uint8Array) || frame.length > left)
      throw new ApiError('BadRequest', 'an archive is sent in bytes, no more of them than were announced');
    left -= frame.length;
    yield frame;
    if (left === 0) return;
  }
  throw new ApiError('BadRequest', `${left} bytes of the archive did not come`);
}
