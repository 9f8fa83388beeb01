import type { Bus, Subscription } from '../../../bus/bus.ts';

const nothing: Subscription = { unsubscribe: () => undefined };
const refused = (): never => {
  throw new Error('this test has no bus');
};
/** A bus on which nobody is: for components that are given their API client. */
export const noBus: Bus = {
  publish: () => undefined,
  subscribe: () => nothing,
  request: refused,
  serve: () => nothing,
  open: refused,
  serveSessions: () => nothing,
  flush: () => Promise.resolve(),
  drain: () => Promise.resolve(),
  onConnection: () => nothing,
  traffic: { role: 'scheduler', begin: () => nothing, take: () => [] },
};
