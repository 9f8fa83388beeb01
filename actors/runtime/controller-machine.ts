import { assign, fromPromise, setup, stateIn } from 'xstate';
import { MAX_TIMER_MS } from '../../bus/message.ts';

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};

export type ControllerEvent =
  | { readonly type: 'leadership.gained' }
  /** At once: what is written from now on is refused. */
  | { readonly type: 'leadership.lost' }
  /** Another is to lead, once what is under way is done. */
  | { readonly type: 'leadership.ending' }
  | { readonly type: 'stop' };

/** The life of a controller: it works only while it leads and its caches are whole. */
export const controllerMachine = setup({
  types: { events: {} as ControllerEvent },
  actors: {
    syncCaches: fromPromise<void>(unwired('syncCaches')),
    drainKeys: fromPromise<void>(unwired('drainKeys')),
  },
  actions: { startWork: () => undefined, stopWork: () => undefined },
}).createMachine({
  id: 'controller',
  initial: 'standby',
  options: { maxIterations: 100 },
  states: {
    standby: { on: { 'leadership.gained': { target: 'waitingForSync' }, stop: { target: 'stopped' } } },
    waitingForSync: {
      invoke: { id: 'syncCaches', src: 'syncCaches', onDone: { target: 'running' }, onError: { target: 'stopped' } },
      on: {
        'leadership.lost': { target: 'standby' },
        'leadership.ending': { target: 'standby' },
        stop: { target: 'stopped' },
      },
    },
    running: {
      entry: { type: 'startWork' },
      exit: { type: 'stopWork' },
      on: {
        'leadership.lost': { target: 'standby' },
        'leadership.ending': { target: 'finishing' },
        stop: { target: 'draining' },
      },
    },
    finishing: {
      invoke: { id: 'finishKeys', src: 'drainKeys', onDone: { target: 'standby' }, onError: { target: 'standby' } },
      on: { 'leadership.lost': { target: 'standby' }, stop: { target: 'draining' } },
    },
    draining: {
      invoke: { id: 'drainKeys', src: 'drainKeys', onDone: { target: 'stopped' }, onError: { target: 'stopped' } },
    },
    stopped: { type: 'final' },
  },
});

export type KeyEvent =
  | { readonly type: 'key.changed' }
  | { readonly type: 'worker.assigned' }
  | { readonly type: 'writes.awaited' }
  | { readonly type: 'writes.seen' };
export interface KeyContext {
  readonly key: string;
  /** Failed syncs in a row. */
  readonly failures: number;
  /** ms until the next sync though nothing changes; 0: none. */
  readonly requeueMs: number;
}
/** What a sync ends with; a thrown error is retried, one that is terminal only now and then. */
export interface SyncOutput {
  readonly requeueAfterMs?: number | undefined;
}

/**
 * One key of a controller: `namespace/name` of what it keeps true. client-go's dirty and processing sets, drawn: a change
 * while syncing makes it dirty, and dirty means once more.
 */
export const keyMachine = setup({
  types: { context: {} as KeyContext, events: {} as KeyEvent, input: {} as { key: string } },
  actors: { sync: fromPromise<SyncOutput, { key: string }>(unwired('sync')) },
  guards: {
    wantsRequeue: (_, params: { output: SyncOutput }) => params.output.requeueAfterMs !== undefined,
    isTerminal: (_scope, _params: { error: unknown }) => false,
  },
  /** ms. */
  delays: {
    /** client-go's per-key backoff; the provided one adds the bucket that all keys share. */
    backoff: ({ context }) => Math.min(5 * 2 ** (context.failures - 1), 1_000_000),
    // Who wants to be woken in a year looks a few times before.
    requeue: ({ context }) => Math.min(context.requeueMs, MAX_TIMER_MS),
    /** What the API will not take today it may take later: rules of others change, and clocks are set. */
    afterRejection: 60_000,
    /** The longest that a key waits for a cache to show its own writes. Source: controller_utils.go ExpectationsTimeout. */
    settleTimeout: 300_000,
  },
  actions: {
    enqueue: () => undefined,
    forgetWrites: () => undefined,
    logFailure: (_scope, _params: { error: unknown }) => undefined,
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    forgetFailures: assign({ failures: 0 }),
    noteRequeue: assign({ requeueMs: (_, params: { output: SyncOutput }) => params.output.requeueAfterMs ?? 0 }),
  },
}).createMachine({
  id: 'key',
  context: ({ input }) => ({ key: input.key, failures: 0, requeueMs: 0 }),
  initial: 'queued',
  options: { maxIterations: 100 },
  states: {
    queued: {
      entry: { type: 'enqueue' },
      on: { 'worker.assigned': { target: 'syncing' }, 'writes.awaited': { target: 'settling' } },
    },
    settling: {
      on: { 'writes.seen': { target: 'queued' } },
      after: { settleTimeout: { target: 'queued', actions: { type: 'forgetWrites' } } },
    },
    syncing: {
      initial: 'clean',
      states: { clean: { on: { 'key.changed': { target: 'dirty' } } }, dirty: {} },
      invoke: {
        id: 'sync',
        src: 'sync',
        input: ({ context }) => ({ key: context.key }),
        onDone: [
          { guard: stateIn({ syncing: 'dirty' }), target: 'queued', actions: { type: 'forgetFailures' } },
          {
            guard: { type: 'wantsRequeue', params: ({ event }) => ({ output: event.output }) },
            target: 'delayed',
            actions: [
              { type: 'forgetFailures' },
              { type: 'noteRequeue', params: ({ event }) => ({ output: event.output }) },
            ],
          },
          { target: 'idle', actions: { type: 'forgetFailures' } },
        ],
        onError: [
          {
            guard: stateIn({ syncing: 'dirty' }),
            target: 'queued',
            actions: [
              { type: 'countFailure' },
              { type: 'logFailure', params: ({ event }) => ({ error: event.error }) },
            ],
          },
          {
            guard: { type: 'isTerminal', params: ({ event }) => ({ error: event.error }) },
            target: 'rejected',
            actions: { type: 'logFailure', params: ({ event }) => ({ error: event.error }) },
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
    },
    delayed: { on: { 'key.changed': { target: 'queued' } }, after: { requeue: { target: 'queued' } } },
    backingOff: { on: { 'key.changed': { target: 'queued' } }, after: { backoff: { target: 'queued' } } },
    rejected: { on: { 'key.changed': { target: 'queued' } }, after: { afterRejection: { target: 'queued' } } },
    idle: { type: 'final' },
  },
});
