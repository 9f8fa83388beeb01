import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  Event,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodSpec,
} from '../../../schemas/generated/core-v1.ts';
import type { TokenRequest } from '../../../schemas/generated/authentication-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { events, persistentVolumeClaims, persistentVolumes } from '../../../actors/runtime/resources.ts';
import { fakeApi, type FakeApi } from '../../../actors/runtime/testing/fake-api.ts';
import { testWorld, type TestWorld } from '../../../actors/runtime/testing/world.ts';
import { createEventRecorder } from '../../../actors/runtime/events.ts';
import type { Commands } from '../../host/commands.ts';
import { createAccountTokens } from '../../kubelet/account-tokens.ts';
import { createReferences } from '../../kubelet/references.ts';
import { createCsi } from '../csi/index.ts';
import { containerMounts } from '../container-mounts.ts';
import type { ImageMounts } from '../images.ts';
import type { Mounts, MountPoint } from '../mounts.ts';
import type { VolumeHost } from '../plugin.ts';
import { podVolumes, type PodVolumesOnDisk } from '../pod-volumes.ts';
import type { PodVolumes } from '../../runtime/cri/parts.ts';

/** Mounts that are only said: what is mounted is a list, and what is busy is refused. */
export interface FakeMounts extends Mounts {
  readonly all: MountPoint[];
  readonly busy: Set<string>;
  /** Options of each mount that was made with some. */
  readonly options: Map<string, readonly string[]>;
}
export function fakeMounts(): FakeMounts {
  const all: MountPoint[] = [];
  const busy = new Set<string>();
  const options = new Map<string, readonly string[]>();
  return {
    all,
    busy,
    options,
    list: () => Promise.resolve([...all]),
    tmpfs(path, said) {
      all.push({ path, type: 'tmpfs', source: 'tmpfs', root: '/' });
      options.set(path, said);
      return Promise.resolve();
    },
    bind(source, path, { options: said = [] } = {}) {
      all.push({ path, type: 'bind', source, root: source });
      if (said.length > 0) options.set(path, said);
      return Promise.resolve();
    },
    fileSystem(type, source, path, said) {
      all.push({ path, type, source, root: '/' });
      options.set(path, said);
      return Promise.resolve();
    },
    unmount(path) {
      if (busy.has(path)) return Promise.reject(new Error(`umount: ${path}: target is busy.`));
      all.splice(
        all.findLastIndex((one) => one.path === path),
        1,
      );
      return Promise.resolve();
    },
  };
}
/** A node's volumes in a folder of their own, an API to talk to, and a clock that the test moves. */
export interface VolumeBench {
  readonly root: string;
  readonly world: TestWorld;
  readonly api: FakeApi;
  readonly host: VolumeHost;
  readonly mounts: FakeMounts;
  readonly disk: PodVolumesOnDisk;
  readonly parts: PodVolumes;
  /** Another kubelet over the same folder. */
  restarted(): VolumeBench;
  /** Its container has all its volumes, unless containers are said. */
  pod(name: string, spec: Partial<PodSpec>, metadata?: Pod['metadata']): Pod;
  folder(pod: Pod, plugin: string, name: string): string;
  /** The pod's volumes begin to be set up. */
  begin(pod: Pod): { readonly done: boolean };
  /** Resolves when they are there. */
  mounted(pod: Pod): Promise<void>;
  /** Nothing of the pod runs any more; resolves when its volumes are gone, or else with false after as long as is said. */
  ended(pod: Pod, withinMs?: number): Promise<boolean>;
  /** A claim `c` that is bound to a volume `pv`. */
  bound(spec: PersistentVolume['spec']): Promise<void>;
  /** Answers TokenRequests from now on. */
  issue(answer: (request: TokenRequest) => { readonly token: string; readonly expirationTimestamp: string }): void;
  /** Messages of the events of a reason, oldest first; default: FailedMount. */
  told(reason?: string): string[];
  /** Waits for files and timers alike. */
  until(isTrue: () => boolean | Promise<boolean>, withinMs?: number): Promise<void>;
  close(): Promise<void>;
}
/** What of the node is real, or somebody else's. */
interface Use {
  readonly mounts?: Mounts;
  /** Default: there are none. */
  readonly commands?: Commands;
}
export async function volumeBench(use: Use = {}): Promise<VolumeBench> {
  const root = await mkdtemp(join(tmpdir(), 'kbd-volumes-'));
  const world = testWorld();
  const none = (program: string): Promise<never> => Promise.reject(new Error(`${program} is not there`));
  return made(root, world, fakeApi(world), { mounts: fakeMounts(), commands: { run: none, must: none }, ...use });
}
function made(root: string, world: TestWorld, api: FakeApi, use: Required<Use>): VolumeBench {
  const { mounts } = use;
  const real = api.client('node:n1');
  let issue: Parameters<VolumeBench['issue']>[0] | undefined;
  const client: ApiClient = {
    ...real,
    create: async (gvr, object, options) => {
      if (options?.subresource !== 'token') return real.create(gvr, object, options);
      if (issue === undefined) throw new ApiError('NotFound', `serviceaccounts "${options.name}" not found`);
      const request = object as unknown as TokenRequest;
      return { ...request, status: issue(request) } as never;
    },
  };
  const csi = createCsi({
    world,
    client,
    nodeName: 'n1',
    registry: join(root, 'plugins_registry'),
    onDriver: () => disk.retry(),
  });
  const used = new Map<string, string>();
  const images: ImageMounts = {
    ensure: (_pod, { image }) => Promise.resolve({ id: `id of ${image?.reference}`, name: image?.reference ?? '', sizeBytes: 1 }),
    async mount({ id, name }, folder) {
      await mounts.bind(name, folder);
      used.set(folder, id);
    },
    adopt: (id, folder) => void used.set(folder, id),
    async unmount(folder) {
      await mounts.unmount(folder);
      used.delete(folder);
    },
    inUse: () => new Set(used.values()),
  };
  const host: VolumeHost = {
    csi,
    recorder: createEventRecorder({ client, world, component: 'kubelet' }),
    images,
    world,
    client,
    mounts,
    commands: use.commands,
    references: createReferences({ world, client }),
    tokens: createAccountTokens({ world, client }),
    nodeName: 'n1',
    held: new Map(),
    sizes: new Map(),
    pods: join(root, 'pods'),
    plugins: join(root, 'plugins'),
    localVolumes: join(root, 'local-volumes'),
    allocatable: () => ({ cpu: '4', memory: '1Gi', 'ephemeral-storage': '10Gi' }),
  };
  const disk = podVolumes({ host });
  const variablesOf = (): Promise<{ name: string; value: string }[]> =>
    Promise.resolve([{ name: 'POD', value: 'p' }]);
  const bench: VolumeBench = {
    root,
    world,
    api,
    host,
    mounts: mounts as FakeMounts,
    disk,
    parts: containerMounts({ host, volumes: disk, variablesOf, recursiveReadOnly: async () => false }),
    restarted() {
      csi.stop();
      disk.stop();
      return made(root, world, api, use);
    },
    pod: (name, spec, metadata = {}) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default', uid: `uid-${name}`, ...metadata },
      spec: { containers: [{ name: 'main', image: 'app:1', volumeMounts: (spec.volumes ?? []).map((volume) => ({ name: volume.name, mountPath: `/${volume.name}` })) }], nodeName: 'n1', ...spec },
    }),
    folder: (pod, plugin, name) => join(host.pods, pod.metadata.uid!, 'volumes', `kubernetes.io~${plugin}`, name),
    begin(pod) {
      const state = { done: false };
      void disk.mount(pod, new AbortController().signal).then(() => (state.done = true), () => undefined);
      return state;
    },
    async mounted(pod) {
      const state = bench.begin(pod);
      await bench.until(() => state.done);
    },
    async ended(pod, withinMs) {
      let done = false;
      disk.unmount(pod.metadata.uid!);
      void disk.whenUnmounted(pod.metadata.uid!)?.then(() => (done = true));
      if (withinMs === undefined) await bench.until(() => done);
      else await bench.until(() => done, withinMs).catch(() => undefined);
      return done;
    },
    async bound(spec) {
      const V1 = { apiVersion: 'v1' } as const;
      await api.client().create<PersistentVolume>(persistentVolumes, { ...V1, kind: 'PersistentVolume', metadata: { name: 'pv' }, spec });
      await api.client().create<PersistentVolumeClaim>(persistentVolumeClaims, { ...V1, kind: 'PersistentVolumeClaim', metadata: { name: 'c', namespace: 'default' }, spec: { volumeName: 'pv' } });
    },
    issue: (answer) => void (issue = answer),
    told: (reason = 'FailedMount') => api.objects<Event>(events).filter((e) => e.reason === reason).map((e) => e.message ?? ''),
    async until(isTrue, withinMs = 60_000) {
      const end = world.clock.now() + withinMs;
      // Files take real time: what they hold up is waited for by turns of both clocks.
      for (let turns = 0; !(await isTrue()); turns++) {
        if (turns > 2_000 || world.clock.now() > end) throw new Error('it never came true');
        await new Promise((resolve) => setTimeout(resolve, 2));
        await world.advance(turns < 50 ? 0 : withinMs / 1_000);
      }
    },
    async close() {
      csi.stop();
      disk.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
  return bench;
} // prettier-ignore
