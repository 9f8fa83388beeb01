import { createApiClient } from '../../actors/runtime/client.ts';
import * as resources from '../../actors/runtime/resources.ts';
import type { Node } from '../../schemas/generated/core-v1.ts';
import { UserError } from '../cli/output.ts';
import { connectTool } from './connect.ts';
import { delay } from '../../bus/world.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { ClusterPaths } from './paths.ts';

const PATIENCE_MS = 60_000;
const isReady = (node: Node): boolean =>
  node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;

/** Resolves when `count` nodes are Ready. Thrown: UserError that names those that are not, after a minute. */
export async function waitForNodes(paths: ClusterPaths, count: number): Promise<void> {
  if (count === 0) return;
  const { bus, world } = await connectTool(paths, 'admin');
  const ready = new Map<string, boolean>();
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  try {
    for await (const events of createApiClient(bus, world, 'admin').watch<Node>(resources.nodes, { signal: timeout })) {
      for (const { type, object } of events)
        if (type !== 'BOOKMARK') ready.set(object.metadata.name!, type !== 'DELETED' && isReady(object));
      if ([...ready.values()].filter((r) => r).length >= count) return;
    }
  } catch (error) {
    if (!timeout.aborted) throw error;
  } finally {
    await bus.drain();
  }
  const late = [...ready].filter(([, r]) => !r).map(([n]) => n);
  throw new UserError(
    `${count - late.length} of ${count} nodes became Ready within ${PATIENCE_MS / 1000} s${late.length > 0 ? ` (not: ${late.slice(0, 5).join(', ')})` : ''}: see kubus logs controllers`,
  );
}

const ACCOUNT_PATIENCE_MS = 10_000;
const ACCOUNT_PAUSE_MS = 10;

/**
 * Resolves when namespace `default` has its service account, without which no pod can be created in it; or after 10 s,
 * for the cluster is up all the same. A controller makes the account, some milliseconds after the namespace.
 */
export async function waitForDefaultAccount(paths: ClusterPaths): Promise<void> {
  const { bus, world } = await connectTool(paths, 'admin');
  const { clock } = world;
  const client = createApiClient(bus, world, 'admin');
  try {
    for (const end = clock.now() + ACCOUNT_PATIENCE_MS; clock.now() < end; await delay(clock, ACCOUNT_PAUSE_MS)) {
      try {
        await client.get(resources.serviceAccounts, 'default', 'default');
        return;
      } catch (error) {
        if (reasonOf(error) === undefined) throw error;
      }
    }
  } finally {
    await bus.drain();
  }
}
