import { setup } from 'xstate';

export type NodeHealthEvent =
  /** Its lease was renewed or its status posted. */
  | { readonly type: 'heartbeat.seen' }
  /** The Ready condition that the node itself, or this controller, has posted. */
  | { readonly type: 'condition.ready' }
  | { readonly type: 'condition.notReady' }
  | { readonly type: 'condition.unknown' };
export type NodeHealth = 'starting' | 'healthy' | 'unhealthy' | 'silent';

/**
 * A node's health as the control plane sees it: by its heartbeats, and by what it says of itself while it sends them.
 */
export const nodeHealthMachine = setup({
  types: { events: {} as NodeHealthEvent },
  /** ms. Source: kube-controller-manager --node-startup-grace-period, --node-monitor-grace-period (50 s since v1.32). */
  delays: { startupGrace: 60_000, monitorGrace: 40_000 },
  actions: { announce: () => undefined },
}).createMachine({
  id: 'nodeHealth',
  initial: 'starting',
  options: { maxIterations: 100 },
  states: {
    starting: {
      on: {
        'condition.ready': { target: 'healthy' },
        'condition.notReady': { target: 'unhealthy' },
        'condition.unknown': { target: 'silent' },
      },
      after: { startupGrace: { target: 'silent' } },
    },
    healthy: {
      entry: { type: 'announce' },
      on: {
        'heartbeat.seen': { target: 'healthy', reenter: true },
        'condition.notReady': { target: 'unhealthy' },
        'condition.unknown': { target: 'silent' },
      },
      after: { monitorGrace: { target: 'silent' } },
    },
    unhealthy: {
      entry: { type: 'announce' },
      on: {
        'heartbeat.seen': { target: 'unhealthy', reenter: true },
        'condition.ready': { target: 'healthy' },
        'condition.unknown': { target: 'silent' },
      },
      after: { monitorGrace: { target: 'silent' } },
    },
    /** Only its own word that it is ready, or why not, ends it: a lease alone tells nothing of its pods. */
    silent: {
      entry: { type: 'announce' },
      on: { 'condition.ready': { target: 'healthy' }, 'condition.notReady': { target: 'unhealthy' } },
    },
  },
});
