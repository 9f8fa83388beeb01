import type { Bus } from '../../../bus/bus.ts';
import type { NodePresence } from '../../../bus/protocol/node.ts';
import * as subjects from '../../../bus/subjects.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';

/** How long an agent is waited for whose answer is known already, ms. */
const KNOWN_MS = 1_000;
/** What agents have said of themselves, by node: what has no time to say it again is still what it was. */
const heard = new WeakMap<Bus, Map<string, NodePresence>>();

/**
 * What the agent of a node says of itself; undefined: it is no component of this cluster. The real server asks nobody before
 * it goes to a pod, so that a busy agent must not stand in the way. Rejects: Timeout, of one that never said anything.
 */
export async function presenceOf(bus: Bus, node: string): Promise<NodePresence | undefined> {
  let known = heard.get(bus);
  if (known === undefined) heard.set(bus, (known = new Map()));
  const before = known.get(node);
  try {
    const said = await bus.request<NodePresence>(subjects.node(node, 'http'), {}, before && { timeoutMs: KNOWN_MS });
    known.set(node, said);
    return said;
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === 'Timeout' && before !== undefined) return before;
    if (reason !== 'ServiceUnavailable') throw error;
    known.delete(node);
    return undefined;
  }
}
/** Whether the agent of a node is a component of this cluster, which then has no port. One that says nothing is there. */
export async function isOnBus(bus: Bus, node: string): Promise<boolean> {
  try {
    return (await presenceOf(bus, node)) !== undefined;
  } catch (error) {
    if (reasonOf(error) === 'Timeout') return true;
    throw error;
  }
}
