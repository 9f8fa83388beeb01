import type { TimerId, World } from '../../../bus/world.ts';
import type { Lease } from '../../../schemas/generated/coordination-v1.ts';
import type { Node } from '../../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { formatMicroTime } from '../../../schemas/meta/time.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { leases } from '../../../actors/runtime/resources.ts';

const NAMESPACE = 'kube-node-lease';
/** Source: KubeletConfiguration nodeLeaseDurationSeconds; renewed at a quarter of it. */
const DURATION_SECONDS = 40;
const RENEW_MS = 10_000;
const RETRY_MS = 1_000;
/**
 * Renewals fall on multiples of this: those of a process go out together, by one write to a socket for each hop instead of
 * one each, which is what a renewal costs most.
 */
const TOGETHER_MS = 250;

/** The node's sign of life. Renewals are spread over the interval, so that hundreds of nodes do not beat together. */
export interface NodeLease {
  /** Creates or takes it over and begins to renew it. */
  start(node: Node): void;
  stop(): void;
}
export function createNodeLease({
  world,
  client,
  name,
}: {
  readonly world: World;
  readonly client: ApiClient;
  readonly name: string;
}): NodeLease {
  // prettier-ignore
  const { clock } = world;
  const abort = new AbortController();
  let lease: Lease | undefined;
  let owner: Node | undefined;
  let timer: TimerId | undefined;
  let failures = 0;
  let isFirst = true;

  const fresh = (): Lease => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name,
      namespace: NAMESPACE,
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid: owner?.metadata.uid ?? '' }],
    },
    spec: { holderIdentity: name, leaseDurationSeconds: DURATION_SECONDS },
  });
  async function renew(): Promise<void> {
    const base = lease ?? fresh();
    const renewed: Lease = { ...base, spec: { ...base.spec, holderIdentity: name, leaseDurationSeconds: DURATION_SECONDS, renewTime: formatMicroTime(clock.now()) } }; // prettier-ignore
    const options = { signal: abort.signal, timeoutMs: RENEW_MS };
    try {
      lease = lease === undefined ? await client.create(leases, renewed, options) : await client.update(leases, renewed, options); // prettier-ignore
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === 'NotFound' && lease !== undefined) {
        lease = undefined;
        return renew();
      }
      if (reason !== 'AlreadyExists' && reason !== 'Conflict') throw error;
      const present = await client.get<Lease>(leases, name, NAMESPACE, options);
      const adopted: Lease = { ...present, metadata: { ...present.metadata, ownerReferences: fresh().metadata.ownerReferences } }; // prettier-ignore
      lease = await client.update(leases, { ...adopted, spec: renewed.spec }, options);
    }
  }
  async function beat(): Promise<void> {
    try {
      await renew();
      failures = 0;
    } catch (error) {
      if (abort.signal.aborted) return;
      failures++;
      world.log.debug('node lease not renewed', { node: name, err: error });
    }
    if (abort.signal.aborted) return;
    const wait = failures > 0 ? Math.min(RETRY_MS * failures, RENEW_MS) : RENEW_MS;
    // The first wait is shorter by chance: nodes that start together need not beat together ever after.
    const share = isFirst ? 0.25 + 0.75 * world.random() : 0.96 + 0.08 * world.random();
    isFirst = false;
    const now = clock.now();
    timer = clock.setTimeout(() => void beat(), Math.ceil((now + wait * share) / TOGETHER_MS) * TOGETHER_MS - now);
  }
  return {
    start(node) {
      owner = node;
      void beat();
    },
    stop() {
      abort.abort(new Error('the kubelet stops'));
      if (timer !== undefined) clock.clearTimeout(timer);
    },
  };
}
