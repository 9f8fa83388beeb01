import type { IncomingMessage, ServerResponse } from 'node:http';
import type { World } from '../../bus/world.ts';
import type { Told } from './feed.ts';
import type { Hub, Seat } from './hub.ts';
import type { ActorAddress, ServerMessage, SessionInfo } from './protocol.ts';

/** A page that takes no more than this much in a while is told afresh when it does; one that takes nothing is dropped. */
const SLOW_BYTES = 1 << 20;
const DEAD_BYTES = 16 << 20;
/** So that a proxy, and the page, can tell silence from death. */
const COMMENT_MS = 15_000;

/** Texts of messages that go to every stream: made once for all. */
const texts = new WeakMap<object, string>();
function textOf(message: ServerMessage): string {
  let text = texts.get(message);
  if (text === undefined) texts.set(message, (text = `data: ${JSON.stringify(message)}\n\n`));
  return text;
}

export interface PageStream {
  readonly name: string;
  follow(actors: readonly ActorAddress[]): void;
}
/** One page that listens, by server-sent events, until it goes away. */
export function openStream(o: {
  readonly hub: Hub;
  readonly world: World;
  readonly name: string;
  readonly session: SessionInfo;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly onClose: () => void;
}): PageStream {
  const { response, world } = o;
  let isSlow = false;
  const write = (message: ServerMessage): void => void response.write(textOf(message));
  const tell = (message: Told): void => {
    if (response.writableLength > DEAD_BYTES) return void response.destroy();
    // Numbers that it missed come whole when it has caught up; what happened once is told however slow it is.
    isSlow ||= response.writableLength > SLOW_BYTES;
    if (isSlow && (message.type === 'counts' || message.type === 'handled' || message.type === 'flow')) return;
    write(message);
  };
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  // How long the page waits before it connects again.
  response.write('retry: 1000\n\n');
  write({ type: 'hello', stream: o.name, now: world.clock.now(), session: o.session });
  let seat: Seat | undefined = o.hub.seat({ tell });
  let followed: readonly ActorAddress[] = [];
  const comment = (): void => {
    timer = world.clock.setTimeout(comment, COMMENT_MS);
    response.write(': \n\n');
  };
  let timer = world.clock.setTimeout(comment, COMMENT_MS);
  response.on('drain', () => {
    if (!isSlow || seat === undefined) return;
    isSlow = false;
    seat.leave();
    seat = o.hub.seat({ tell });
    seat.follow(followed);
  });
  response.on('close', () => {
    world.clock.clearTimeout(timer);
    seat?.leave();
    seat = undefined;
    o.onClose();
  });
  return {
    name: o.name,
    follow: (actors) => {
      followed = actors;
      seat?.follow(actors);
    },
  };
}
