import type { StateValue } from 'xstate';
import type { WebSocket } from 'ws';
import type { World } from '../../bus/world.ts';
import type { Told } from './feed.ts';
import type { Hub } from './hub.ts';
import { actorQueryOf } from './paging.ts';
import type { ActorInfo, ActorQuery } from './protocol.ts';
import { STATELY_VERSION, type StatelyFrame } from './stately-frames.ts';

/** A visualizer draws each actor by itself: more than this is no use, and a component tells of no more. */
const MAX_ACTORS = 50;
const LOOK_AGAIN_MS = 2_000;
const DEAD_BYTES = 8 << 20;

/**
 * A visualizer that listens, `ws(s)://.../stately/out?token=...`: told of at most 50 actors, those that `machine`,
 * `component`, `id`, `state` and `text` in the address select (as in ActorQuery), in the frames of `@statelyai/inspect`.
 */
export function tellVisualizer(
  socket: WebSocket,
  parameters: URLSearchParams,
  o: {
    readonly hub: Hub;
    readonly world: World;
    /** JSON of a machine's config. */
    readonly definitionOf: (machine: string) => string | undefined;
  },
): void {
  const { clock } = o.world;
  let query: ActorQuery;
  try {
    query = { ...actorQueryOf(parameters), limit: MAX_ACTORS };
  } catch (error) {
    return socket.close(1008, (error as Error).message.slice(0, 100));
  }
  const send = (frame: StatelyFrame): void => {
    if (socket.bufferedAmount > DEAD_BYTES) socket.terminate();
    else socket.send(JSON.stringify(frame));
  };
  const base = (actor: Pick<ActorInfo, 'component' | 'id' | 'actor'>, ts: number) => {
    const sessionId = `${actor.component}/${actor.id}/${actor.actor}`;
    return { sessionId, rootId: sessionId, createdAt: String(ts), id: null, _version: STATELY_VERSION };
  };
  const tell = (message: Told): void => {
    const now = clock.now();
    if (message.type === 'followed') {
      const { actor, detail } = message;
      const value = valueFrom(actor.states);
      if (detail === undefined) {
        const snapshot = { status: 'stopped', value, context: {} };
        send({ ...base(actor, now), type: '@xstate.snapshot', event: { type: 'xstate.stop' }, snapshot });
      } else {
        const definition = o.definitionOf(actor.machine);
        const snapshot = { status: 'active', value, context: detail.context };
        send({ ...base(actor, now), type: '@xstate.actor', name: actor.actor, definition, snapshot });
      }
    } else if (message.type === 'steps') {
      for (const step of message.steps) {
        const event = { ...step.payload, type: step.event };
        send({ ...base(message.actor, step.ts), type: '@xstate.event', event });
        const snapshot = { status: 'active', value: valueFrom(step.to), context: message.context };
        send({ ...base(message.actor, step.ts), type: '@xstate.snapshot', event, snapshot });
      }
    }
  };
  const seat = o.hub.seat({ tell });
  const look = async (): Promise<void> => {
    try {
      const { actors } = await o.hub.list(query);
      if (socket.readyState === socket.OPEN) seat.follow(actors);
    } catch {
      // A component that does not answer now is asked again.
    }
    if (socket.readyState === socket.OPEN) timer = clock.setTimeout(() => void look(), LOOK_AGAIN_MS);
  };
  let timer = clock.setTimeout(() => void look(), 0);
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    clock.clearTimeout(timer);
    seat.leave();
  });
}
/** The state value whose innermost states these are: `['a.b']` -> `{ a: 'b' }`. */
export function valueFrom(paths: readonly string[]): StateValue {
  if (paths.length === 1 && !paths[0]!.includes('.')) return paths[0]!;
  const below = Map.groupBy(paths, (path) => path.split('.', 1)[0]!);
  return Object.fromEntries(
    [...below].map(([key, all]) => {
      const rest = all.map((path) => path.slice(key.length + 1)).filter((path) => path !== '');
      return [key, rest.length === 0 ? {} : valueFrom(rest)];
    }),
  );
}
