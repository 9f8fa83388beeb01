import { assign, fromPromise, setup } from 'xstate';
import { backoffMs, SIGNING_MS, type Next, type RequestRef } from './decide.ts';

const unwired = (name: string) => async (): Promise<never> => {
  throw new Error(`actor '${name}' is not provided`);
};
/** How soon to try again where API servers cannot be told how to be reached. */
const UNDESCRIBED_MS = 10_000;

/** Of a certificate that was stored: the part of its life after which it is replaced, and when to look at it again. */
export interface Kept {
  readonly share: number;
  readonly waitMs: number;
}

/** A node's certificate: asked for, kept, and replaced in time. Source: client-go certificate_manager.go. */
export const certificateMachine = setup({
  types: {
    context: {} as {
      /** In a row. */
      readonly failures: number;
      /** Of the certificate's life, after which it is replaced. */
      readonly share: number;
      readonly waitMs: number;
      readonly request: RequestRef;
    },
    events: {} as { readonly type: 'stop' },
    input: {} as { readonly share: number },
  },
  actors: {
    look: fromPromise<Next, { readonly share: number }>(unwired('look')),
    describe: fromPromise<void>(unwired('describe')),
    submit: fromPromise<RequestRef>(unwired('submit')),
    awaitAnswer: fromPromise<void, RequestRef>(unwired('awaitAnswer')),
    store: fromPromise<Kept>(unwired('store')),
  },
  guards: { isDue: (_args, { next }: { next: Next }) => next.do === 'request' },
  delays: {
    look: ({ context }) => context.waitMs,
    retry: UNDESCRIBED_MS,
    signing: SIGNING_MS,
    backoff: ({ context }) => backoffMs(context.failures, 0),
  },
  actions: {
    keepWait: assign((_args, { next }: { next: Next }) => ({ waitMs: next.do === 'wait' ? next.ms : 0 })),
    keepRequest: assign((_args, { request }: { request: RequestRef }) => ({ request })),
    begin: assign((_args, { share, waitMs }: Kept) => ({ share, waitMs, failures: 0 })),
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    logFailure: (_args, _params: { error: unknown }) => undefined,
    logUndescribed: (_args, _params: { error: unknown }) => undefined,
  },
}).createMachine({
  id: 'certificate',
  initial: 'looking',
  context: ({ input }) => ({ failures: 0, share: input.share, waitMs: 0, request: { name: '', uid: '' } }),
  options: { maxIterations: 100 },
  on: { stop: { target: '.stopped' } },
  states: {
    looking: {
      invoke: {
        id: 'look',
        src: 'look',
        input: ({ context }) => ({ share: context.share }),
        onDone: [
          { guard: { type: 'isDue', params: ({ event }) => ({ next: event.output }) }, target: 'submitting' },
          { target: 'describing', actions: { type: 'keepWait', params: ({ event }) => ({ next: event.output }) } },
        ],
        onError: {
          target: 'backingOff',
          actions: [{ type: 'logFailure', params: ({ event }) => ({ error: event.error }) }, 'countFailure'],
        },
      },
    },
    describing: {
      invoke: {
        id: 'describe',
        src: 'describe',
        onDone: 'holding',
        onError: {
          target: 'undescribed',
          actions: { type: 'logUndescribed', params: ({ event }) => ({ error: event.error }) },
        },
      },
    },
    holding: { after: { look: 'looking' } },
    undescribed: { after: { retry: 'looking' } },
    submitting: {
      invoke: {
        id: 'submit',
        src: 'submit',
        onDone: { target: 'awaiting', actions: { type: 'keepRequest', params: ({ event }) => ({ request: event.output }) } },
        onError: {
          target: 'backingOff',
          actions: [{ type: 'logFailure', params: ({ event }) => ({ error: event.error }) }, 'countFailure'],
        },
      },
    },
    awaiting: {
      invoke: {
        id: 'awaitAnswer',
        src: 'awaitAnswer',
        input: ({ context }) => context.request,
        onDone: 'storing',
        onError: {
          target: 'backingOff',
          actions: [{ type: 'logFailure', params: ({ event }) => ({ error: event.error }) }, 'countFailure'],
        },
      },
      after: {
        signing: {
          target: 'backingOff',
          actions: [{ type: 'logFailure', params: { error: new Error('timed out waiting for the condition') } }, 'countFailure'],
        },
      },
    },
    storing: {
      invoke: {
        id: 'store',
        src: 'store',
        onDone: { target: 'describing', actions: { type: 'begin', params: ({ event }) => event.output } },
        onError: {
          target: 'backingOff',
          actions: [{ type: 'logFailure', params: ({ event }) => ({ error: event.error }) }, 'countFailure'],
        },
      },
    },
    backingOff: { after: { backoff: 'submitting' } },
    stopped: { type: 'final' },
  },
}); // prettier-ignore
