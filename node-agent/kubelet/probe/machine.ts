import { assign, fromPromise, setup } from 'xstate';

export type ProbeEvent = { readonly type: 'stop' };
export interface ProbeInput {
  /** `<pod uid>/<container>/<kind>`. */
  readonly id: string;
  readonly initialDelayMs: number;
  readonly periodMs: number;
  readonly failureThreshold: number;
  readonly successThreshold: number;
  /** Its first verdict is its last (startup), or its first failure is (liveness). */
  readonly concludesOn: 'any' | 'failure' | 'never';
}
export interface ProbeContext extends ProbeInput {
  readonly last: boolean | undefined;
  /** Equal results in a row. */
  readonly run: number;
}
interface Result {
  readonly success: boolean;
  readonly output: string;
}

/** One probe of one run of a container. Source: kubelet prober/worker.go. */
export const probeMachine = setup({
  types: { context: {} as ProbeContext, events: {} as ProbeEvent, input: {} as ProbeInput },
  actors: {
    probe: fromPromise<Result, { id: string }>(async () => {
      throw new Error("actor 'probe' is not provided");
    }),
  },
  guards: {
    isVerdict: ({ context }) => context.run >= (context.last === true ? context.successThreshold : context.failureThreshold), // prettier-ignore
    isConcluded: ({ context }) =>
      context.concludesOn === 'any' || (context.concludesOn === 'failure' && context.last === false),
  },
  /** ms. */
  delays: { initialDelay: ({ context }) => context.initialDelayMs, period: ({ context }) => context.periodMs },
  actions: {
    count: assign((_, { success }: Result) => ({ last: success })),
    countRun: assign({ run: ({ context }, { success }: Result) => (context.last === success ? context.run + 1 : 1) }),
    tellResult: (_args, _result: Result) => undefined,
    tellError: (_args, _failure: { readonly error: unknown }) => undefined,
    tellVerdict: () => undefined,
  },
}).createMachine({
  id: 'probe',
  context: ({ input }) => ({ ...input, last: undefined, run: 0 }),
  initial: 'delaying',
  options: { maxIterations: 100 },
  on: { stop: { target: '.stopped' } },
  states: {
    delaying: { after: { initialDelay: { target: 'probing' } } },
    probing: {
      invoke: {
        id: 'probe',
        src: 'probe',
        input: ({ context }) => ({ id: context.id }),
        onDone: {
          target: 'judging',
          actions: [
            { type: 'countRun', params: ({ event }) => event.output },
            { type: 'count', params: ({ event }) => event.output },
            { type: 'tellResult', params: ({ event }) => event.output },
          ],
        },
        // A probe that could not be made says nothing.
        onError: {
          target: 'resting',
          actions: { type: 'tellError', params: ({ event }) => ({ error: event.error }) },
        },
      },
    },
    judging: {
      always: [{ guard: 'isVerdict', target: 'deciding', actions: { type: 'tellVerdict' } }, { target: 'resting' }],
    },
    deciding: { always: [{ guard: 'isConcluded', target: 'concluded' }, { target: 'resting' }] },
    resting: { after: { period: { target: 'probing' } } },
    /** Waits for the container's next run, which has probes of its own. */
    concluded: {},
    stopped: { type: 'final' },
  },
});
