import { assign, setup } from 'xstate';

export type NodeHealthEvent =
  /** Its lease was renewed or its status posted. */
  | { readonly type: 'heartbeat.seen' }
  /** The Ready condition that the node itself, or this controller, has posted. */
  | { readonly type: 'condition.ready' }
  | { readonly type: 'condition.notReady' }
  | { readonly type: 'condition.unknown' }
  /** It is not there any more. */
  | { readonly type: 'condition.removed' };
/** `heard`: there was a heartbeat within the grace, or may still be one. */
export type NodeHealth = 'heard' | 'silent' | 'unknown';
interface NodeHealthContext {
  /** What is left of the time in which a new node must be heard of, ms. */
  readonly startupMs: number;
}

/** ms. Source: kube-controller-manager --node-startup-grace-period, --node-monitor-grace-period (40 s before v1.32). */
export const STARTUP_GRACE_MS = 60_000;
export const MONITOR_GRACE_MS = 50_000;

/**
 * A node's health as the control plane sees it: by its heartbeats, and by what it says of itself while it sends them.
 * Source: pkg/controller/nodelifecycle tryUpdateNodeHealth, which looks every five seconds; this chart is told, and waits.
 */
export const nodeHealthMachine = setup({
  types: {
    events: {} as NodeHealthEvent,
    context: {} as NodeHealthContext,
    input: {} as { readonly startupMs: number } | undefined,
  },
  delays: { startupGrace: ({ context }) => context.startupMs, monitorGrace: MONITOR_GRACE_MS },
  actions: { announce: () => undefined, grantStartup: assign({ startupMs: STARTUP_GRACE_MS }) },
}).createMachine({
  id: 'nodeHealth',
  context: ({ input }) => ({ startupMs: input?.startupMs ?? STARTUP_GRACE_MS }),
  initial: 'heard',
  options: { maxIterations: 100 },
  on: {
    'condition.ready': { target: '.heard.healthy' },
    'condition.notReady': { target: '.heard.unhealthy' },
    'condition.unknown': { target: '.unknown' },
    'condition.removed': { target: '.heard.starting', actions: { type: 'grantStartup' } },
  },
  states: {
    heard: {
      initial: 'starting',
      states: {
        /** Its kubelet has not said yet whether it is ready: one that renews its lease has time for that. */
        starting: {
          on: { 'heartbeat.seen': { target: 'starting', reenter: true, actions: { type: 'grantStartup' } } },
          after: { startupGrace: { target: '#nodeHealth.silent', actions: { type: 'announce' } } },
        },
        healthy: {
          on: { 'heartbeat.seen': { target: 'healthy', reenter: true } },
          after: { monitorGrace: { target: '#nodeHealth.silent', actions: { type: 'announce' } } },
        },
        unhealthy: {
          on: { 'heartbeat.seen': { target: 'unhealthy', reenter: true } },
          after: { monitorGrace: { target: '#nodeHealth.silent', actions: { type: 'announce' } } },
        },
        last: { type: 'history' },
      },
    },
    /** Its Ready condition is to become Unknown, unless it is heard of before. */
    silent: { on: { 'heartbeat.seen': { target: 'heard.last' } } },
    /** It has. Only its own word that it is ready, or why not, ends this: a lease alone tells nothing of its pods. */
    unknown: {},
  },
});
