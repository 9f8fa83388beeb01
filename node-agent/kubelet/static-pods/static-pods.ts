import type { World } from '../../../bus/world.ts';
import type { Node, Pod, PodStatus } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import type { PodHome } from '../pod/home.ts';
import type { PodWorker } from '../pod/worker.ts';
import type { Reported, StatusWriter } from '../status/writer.ts';
import { readFolder, watchFolder } from './folder.ts';
import { HASH, podOfManifest, SEEN } from './manifest.ts';
import { isMirror, Mirrors } from './mirrors.ts';

/** Pods that files describe: they run whether or not there is an API, which is shown a mirror of each. */
export interface StaticPods {
  /** Resolves when the manifests have been read once, and their pods have begun. */
  readonly first: Promise<void>;
  /** A pod of this node, as the API has it; false: it is no mirror. */
  see(pod: Pod): boolean;
  lose(pod: Pod): boolean;
  /** All mirrors that there are have been seen. */
  open(node: () => Node | undefined): void;
  stop(): void;
}
/** One that runs, or ends. */
interface Running {
  readonly pod: Pod;
  readonly worker: PodWorker;
  isEnding: boolean;
}
/** The kubelet that they run on. */
export interface StaticPodsHost {
  readonly world: World;
  readonly client: ApiClient;
  readonly writer: StatusWriter;
  readonly nodeName: string;
  /** Lets a pod in, or not, and begins it. */
  readonly begin: (pod: Pod, home: PodHome) => PodWorker;
}
/** `folder`: of manifests. */
export function startStaticPods(folder: string, o: StaticPodsHost): StaticPods {
  const { world, client, writer, nodeName } = o;
  /** By key, of the manifests as they are. */
  const wanted = new Map<string, Pod>();
  const running = new Map<string, Running>();
  /** What each file came to, so that those that have not changed are not read again. */
  const known = new Map<string, { readonly bytes: Buffer; readonly pod: Pod | undefined }>();
  const reports = new Map<string, Report>();
  const mirrors = new Mirrors({
    world,
    client,
    podOf: (key) => {
      const now = running.get(key);
      return now === undefined || now.isEnding ? undefined : now.pod;
    },
    onChange(key) {
      reports.get(key)?.request(true);
    },
  });

  /** Its status is the mirror's; the pod itself is nobody's but this node's. */
  class Report implements Reported {
    readonly uid: string;
    readonly #key: string;
    worker: PodWorker | undefined;
    constructor(pod: Pod) {
      this.uid = pod.metadata.uid!;
      this.#key = keyOf(pod);
    }
    get pod(): Pod {
      return mirrors.of(this.#key)!;
    }
    status(): PodStatus {
      const { metadata, status } = this.pod;
      const worker = this.worker!;
      // Since when a condition holds is known from what was told before.
      worker.pod = { ...worker.pod, ...(status && { status }) };
      const { generation } = metadata;
      return { ...worker.status(), ...(generation !== undefined && { observedGeneration: generation }) };
    }
    see(mirror: Pod): void {
      mirrors.see(mirror);
    }
    /** Nothing is told where there is no mirror, or one of another pod. */
    get isTold(): boolean {
      const mirror = mirrors.of(this.#key);
      return this.worker !== undefined && mirror?.metadata.annotations?.[HASH] === this.uid && mirror.metadata.deletionTimestamp === undefined;
    } // prettier-ignore
    request(settled: boolean): void {
      if (this.isTold) writer.request(this, settled);
    }
  }
  function begin(key: string, manifest: Pod): void {
    const pod: Pod = { ...manifest, metadata: { ...manifest.metadata, annotations: { ...manifest.metadata.annotations, [SEEN]: formatTime(world.clock.now()) } } }; // prettier-ignore
    const report = new Report(pod);
    reports.set(key, report);
    const home: PodHome = {
      request: (settled) => report.request(settled),
      flush: async () => (report.isTold ? writer.flush(report) : undefined),
      // A mirror goes when its pod has: whether the API can be asked now or later.
      remove: async () => undefined,
      drop() {
        writer.drop(report);
        if (reports.get(key) === report) reports.delete(key);
        if (running.get(key)?.pod === pod) running.delete(key);
        mirrors.reconcile(key);
        queueMicrotask(() => settle(key));
      },
    };
    const worker = o.begin(pod, home);
    report.worker = worker;
    running.set(key, { pod, worker, isEnding: false });
    mirrors.reconcile(key);
    report.request(false);
  }
  /** Another pod of the same name waits until the one before has ended. */
  function settle(key: string): void {
    if (isStopped) return;
    const now = running.get(key);
    const next = wanted.get(key);
    if (now === undefined) {
      if (next !== undefined) begin(key, next);
      return;
    }
    if (now.isEnding || now.pod.metadata.annotations?.[HASH] === next?.metadata.annotations?.[HASH]) return;
    now.isEnding = true;
    const seconds = now.pod.spec?.terminationGracePeriodSeconds ?? 30;
    const gone = { deletionTimestamp: formatTime(world.clock.now()), deletionGracePeriodSeconds: seconds };
    now.worker.see({ ...now.worker.pod, metadata: { ...now.worker.pod.metadata, ...gone } });
  }
  async function look(): Promise<void> {
    const problem = (path: string, error: unknown): void => world.log.error('manifest not used', { path, err: error });
    const files = await readFolder(folder, problem);
    const found = new Map<string, Pod>();
    for (const [path, bytes] of files) {
      let entry = known.get(path);
      if (entry?.bytes.equals(bytes) !== true) {
        const pod = await podOfManifest(bytes, { path, nodeName }).catch((error: unknown) => {
          problem(path, error);
          return undefined;
        });
        known.set(path, (entry = { bytes, pod }));
      }
      const { pod } = entry;
      if (pod === undefined) continue;
      const key = keyOf(pod);
      if (found.has(key)) problem(path, new Error(`another manifest describes a pod ${key} too`));
      else found.set(key, pod);
    }
    for (const path of known.keys()) if (!files.has(path)) known.delete(path);
    wanted.clear();
    for (const [key, pod] of found) wanted.set(key, pod);
    for (const key of new Set([...running.keys(), ...wanted.keys()])) settle(key);
  }
  let isStopped = false;
  const watched = watchFolder(world, folder, look);
  return {
    first: watched.first,
    see(pod) {
      if (!isMirror(pod)) return false;
      mirrors.see(pod);
      return true;
    },
    lose(pod) {
      if (!isMirror(pod)) return false;
      mirrors.lose(pod);
      return true;
    },
    open: (node) => mirrors.open(node, running.keys()),
    stop() {
      isStopped = true;
      watched.stop();
      mirrors.stop();
    },
  };
}
