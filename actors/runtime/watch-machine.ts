import { assign, fromPromise, setup } from 'xstate';
import { isUnserved } from '../../bus/requests.ts';
import { isExpired } from './errors.ts';

export type WatchMachineEvent =
  | { readonly type: 'session.opened'; readonly resumed: boolean }
  | { readonly type: 'initialEvents.ended' }
  | { readonly type: 'stop' };
export interface WatchContext {
  /** Sessions lost or refused since the watch was last stable. */
  readonly failures: number;
  /** What it knew was too old, and it has not listed since. */
  readonly relists: boolean;
}
/** Failures that count where nobody is there: who is asked for once a second is not bothered by it, and found at once. */
const MOST_ABSENCES = 5;

/** One watch of one resource: open a session, take the initial events, follow changes, come back when the session ends. */
export const watchMachine = setup({
  types: { context: {} as WatchContext, events: {} as WatchMachineEvent },
  actors: {
    stream: fromPromise<void>(async () => {
      throw new Error("actor 'stream' is not provided");
    }),
  },
  guards: {
    isResumed: ({ event }) => event.type === 'session.opened' && event.resumed,
    /** What the watch would resume from is compacted: only listing again helps; once at once, then with backoff. */
    isFirstExpiry: ({ context }, params: { error: unknown }) => !context.relists && isExpired(params.error),
    isExpiry: (_, params: { error: unknown }) => isExpired(params.error),
    isAbsence: (_, params: { error: unknown }) => isUnserved(params.error),
  },
  /** ms. */
  delays: {
    backoff: ({ context }) => Math.min(25 * 2 ** context.failures, 10_000),
    stable: 5_000,
  },
  actions: {
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    countAbsence: assign({ failures: ({ context }) => Math.min(context.failures + 1, MOST_ABSENCES) }),
    forgetFailures: assign({ failures: 0 }),
    noteExpiry: assign({ relists: true }),
    forgetExpiry: assign({ relists: false }),
    forgetRevision: () => undefined,
    logFailure: (_scope, _params: { error: unknown }) => undefined,
  },
}).createMachine({
  id: 'watch',
  context: { failures: 0, relists: false },
  initial: 'streaming',
  options: { maxIterations: 100 },
  on: { stop: { target: '.stopped' } },
  states: {
    streaming: {
      initial: 'connecting',
      invoke: {
        id: 'stream',
        src: 'stream',
        onDone: { target: 'backingOff', actions: { type: 'countFailure' } },
        onError: [
          {
            guard: { type: 'isFirstExpiry', params: ({ event }) => ({ error: event.error }) },
            target: 'streaming',
            reenter: true,
            actions: [{ type: 'forgetRevision' }, { type: 'noteExpiry' }, { type: 'countFailure' }],
          },
          {
            guard: { type: 'isExpiry', params: ({ event }) => ({ error: event.error }) },
            target: 'backingOff',
            actions: [{ type: 'forgetRevision' }, { type: 'countFailure' }],
          },
          {
            guard: { type: 'isAbsence', params: ({ event }) => ({ error: event.error }) },
            target: 'backingOff',
            actions: { type: 'countAbsence' },
          },
          {
            target: 'backingOff',
            actions: [
              { type: 'countFailure' },
              { type: 'logFailure', params: ({ event }) => ({ error: event.error }) },
            ],
          },
        ],
      },
      states: {
        connecting: {
          on: {
            'session.opened': [{ guard: 'isResumed', target: 'watching' }, { target: 'listing' }],
          },
        },
        listing: { on: { 'initialEvents.ended': { target: 'watching', actions: { type: 'forgetExpiry' } } } },
        watching: { after: { stable: { actions: { type: 'forgetFailures' } } } },
      },
    },
    backingOff: { after: { backoff: { target: 'streaming' } } },
    stopped: { type: 'final' },
  },
});
