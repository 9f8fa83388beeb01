import type { TimerId, World } from '../../../bus/world.ts';
import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { pods } from '../../../actors/runtime/resources.ts';
import { HASH, MIRROR, SOURCE } from './manifest.ts';

/** Whether a pod of the API stands for one of a file. Source: kubelet types IsMirrorPod. */
export const isMirror = ({ metadata: { annotations } }: Pod): boolean => annotations?.[MIRROR] !== undefined;

/** What is to become of a mirror. Pure. Source: kubelet tryReconcileMirrorPods, IsMirrorPodOf. */
export function due(pod: Pod | undefined, mirror: Pod | undefined): 'create' | 'delete' | undefined {
  if (mirror === undefined) return pod === undefined ? undefined : 'create';
  const isOf = pod !== undefined && mirror.metadata.annotations?.[MIRROR] === pod.metadata.annotations?.[HASH];
  return isOf && mirror.metadata.deletionTimestamp === undefined ? undefined : 'delete';
}
/** The object that shows the API a pod of a file. Pure. Source: kubelet pod/mirror_client.go CreateMirrorPod. */
const mirrorOf = (pod: Pod, node: Node): Pod => {
  const { uid: _, ...metadata } = pod.metadata;
  const annotations = { ...metadata.annotations, [MIRROR]: metadata.annotations?.[HASH] ?? '', [SOURCE]: 'file' };
  const owner = {
    apiVersion: 'v1',
    kind: 'Node',
    name: node.metadata.name!,
    uid: node.metadata.uid!,
    controller: true,
  };
  return { ...pod, metadata: { ...metadata, annotations, ownerReferences: [owner] } };
};

const RETRY_MS = 1_000;
const MOST_RETRY_MS = 30_000;

/** Keeps one mirror for each pod of a file, once the API can be asked. */
export class Mirrors {
  /** Those of the API, by key. */
  readonly #mirrors = new Map<string, Pod>();
  readonly #world: World;
  readonly #client: ApiClient;
  /** The pod of a file that is to have a mirror of this key. */
  readonly #podOf: (key: string) => Pod | undefined;
  readonly #onChange: (key: string) => void;
  readonly #busy = new Map<string, { timer: TimerId | undefined; failures: number; again: boolean }>();
  readonly #abort = new AbortController();
  #node: (() => Node | undefined) | undefined;

  constructor(o: {
    readonly world: World;
    readonly client: ApiClient;
    readonly podOf: (key: string) => Pod | undefined;
    /** The mirror of a key has come, changed or gone. */
    readonly onChange: (key: string) => void;
  }) {
    this.#world = o.world;
    this.#client = o.client;
    this.#podOf = o.podOf;
    this.#onChange = o.onChange;
  }
  /** All mirrors that the API has are known from now on, and `node` has its uid. */
  open(node: () => Node | undefined, keys: Iterable<string>): void {
    this.#node = node;
    for (const key of new Set([...keys, ...this.#mirrors.keys()])) this.reconcile(key);
  }
  of(key: string): Pod | undefined {
    return this.#mirrors.get(key);
  }
  see(mirror: Pod): void {
    const key = keyOf(mirror);
    const before = this.#mirrors.get(key);
    if (before !== undefined && Number(mirror.metadata.resourceVersion) < Number(before.metadata.resourceVersion))
      return;
    this.#mirrors.set(key, mirror);
    this.#onChange(key);
    this.reconcile(key);
  }
  lose(mirror: Pod): void {
    const key = keyOf(mirror);
    if (this.#mirrors.get(key)?.metadata.uid === mirror.metadata.uid) this.#mirrors.delete(key);
    this.#onChange(key);
    this.reconcile(key);
  }
  /** One call at a time for each; what fails is tried again. */
  reconcile(key: string): void {
    if (this.#node === undefined || this.#abort.signal.aborted) return;
    const busy = this.#busy.get(key);
    if (busy !== undefined) {
      busy.again = true;
      return;
    }
    if (due(this.#podOf(key), this.#mirrors.get(key)) === undefined) return;
    const entry = { timer: undefined as TimerId | undefined, failures: 0, again: false };
    this.#busy.set(key, entry);
    void this.#run(key, entry);
  }
  async #run(key: string, entry: { timer: TimerId | undefined; failures: number; again: boolean }): Promise<void> {
    const { clock, log } = this.#world;
    try {
      entry.again = false;
      await this.#act(key);
      this.#busy.delete(key);
      // Something else may be due by now; what this did is yet to be heard of, and reconciled then.
      if (entry.again) this.reconcile(key);
    } catch (error) {
      if (this.#abort.signal.aborted) return;
      log.warn('mirror pod not brought in line', { pod: key, err: error });
      const wait = Math.min(RETRY_MS * 2 ** entry.failures++, MOST_RETRY_MS);
      entry.timer = clock.setTimeout(() => void this.#run(key, entry), wait);
    }
  }
  async #act(key: string): Promise<void> {
    const pod = this.#podOf(key);
    const mirror = this.#mirrors.get(key);
    const { signal } = this.#abort;
    switch (due(pod, mirror)) {
      case undefined:
        return;
      case 'create': {
        const node = this.#node?.();
        if (node?.metadata.uid === undefined) throw new Error('the node has no uid yet');
        const created = await this.#client.create<Pod>(pods, mirrorOf(pod!, node), { signal });
        return this.see(created);
      }
      case 'delete': {
        const { name, namespace, uid } = mirror!.metadata;
        try {
          await this.#client.delete(pods, name!, namespace, {
            gracePeriodSeconds: 0,
            preconditions: { uid: uid! },
            signal,
          });
        } catch (error) {
          if (reasonOf(error) !== 'NotFound' && reasonOf(error) !== 'Conflict') throw error;
        }
        return this.lose(mirror!);
      }
    }
  }
  stop(): void {
    this.#abort.abort(new Error('the kubelet stops'));
    for (const { timer } of this.#busy.values()) if (timer !== undefined) this.#world.clock.clearTimeout(timer);
  }
}
