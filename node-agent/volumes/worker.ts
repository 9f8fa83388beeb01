import type { TimerId } from '../../bus/world.ts';
import { goQuote } from '../../schemas/meta/go-quote.ts';
import type { RunningActor } from '../../actors/runtime/start-actor.ts';
import type { volumeMachine } from './machine.ts';
import { forgetSize } from './expansion.ts';
import { setUpAlone } from './one-pod.ts';
import { pluginFor, UnsupportedVolume } from './plugins/index.ts';
import {
  nameOf,
  UnfitVolume,
  VolumeError,
  type Mounted,
  type PodVolume,
  type VolumeHost,
  type VolumePlugin,
} from './plugin.ts';
import { cleanSubPaths, removeReady, removeVolumeFolder } from './tear-down.ts';
import { volumeFolder } from './layout.ts';

export interface VolumeWorkerOptions {
  /** `<uid>/<volume>`. */
  readonly id: string;
  readonly host: VolumeHost;
  /** Nothing is done before. */
  readonly after: Promise<void> | undefined;
  /** The volume as it is now, its claim resolved. */
  readonly find: (signal: AbortSignal) => Promise<PodVolume>;
  readonly tell: (reason: 'FailedMount' | 'FailedMapVolume' | 'VolumeResizeFailed', message: string) => void;
  readonly onGone: () => void;
}
/** The effects of one volume's chart. */
export class VolumeWorker {
  readonly id: string;
  /** undefined: not there yet, or no more. */
  mounted: Mounted | undefined;
  readonly #o: VolumeWorkerOptions;
  #actor: RunningActor<typeof volumeMachine> | undefined;
  /** Resolves when what was begun has ended: an aborted effect goes on until its next look at the signal. */
  #busy: Promise<unknown> = Promise.resolve();
  /** As it was set up last, if it ever was tried. */
  #last: { readonly volume: PodVolume; readonly plugin: VolumePlugin } | undefined;
  #refresh: TimerId | undefined;
  #waiting = Promise.withResolvers<void>();

  constructor(options: VolumeWorkerOptions) {
    this.id = options.id;
    this.#o = options;
    // Who waits hears of it by `whenMounted`.
    this.#waiting.promise.catch(() => undefined);
  }
  start(actor: RunningActor<typeof volumeMachine>): void {
    this.#actor = actor;
  }
  async whenMounted(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.mounted !== undefined) return;
    const aborted = Promise.withResolvers<never>();
    const onAbort = (): void => aborted.reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.#waiting.promise, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
  sourceChanged(): void {
    if (this.#last === undefined || this.#last.plugin.follows === true || this.mounted === undefined)
      this.#actor?.send({ type: 'source.changed' });
  }
  podEnded(): void {
    this.#actor?.send({ type: 'pod.ended' });
  }
  stop(): void {
    this.#disarm();
    this.#actor?.send({ type: 'stop' });
  }

  // What the chart asks for.

  async setUp(signal: AbortSignal): Promise<void> {
    await this.#alone(async () => {
      await this.#o.after;
      signal.throwIfAborted();
      const volume = await this.#o.find(signal);
      const plugin = pluginFor(volume);
      this.#last = { volume, plugin };
      const { host } = this.#o;
      this.mounted = await setUpAlone(volume, host, () => plugin.setUp(volume, host, signal));
    });
  }
  tellMounted(): void {
    this.#waiting.resolve();
    this.#disarm();
    const at = this.mounted?.refreshAt;
    const { clock } = this.#o.host.world;
    if (at !== undefined) this.#refresh = clock.setTimeout(() => this.#actor?.send({ type: 'source.changed' }), Math.max(at - clock.now(), 1_000));
  } // prettier-ignore
  tellFailure(error: unknown): void {
    const name = this.#last === undefined ? this.id.slice(this.id.indexOf('/') + 1) : nameOf(this.#last.volume);
    const message = error instanceof Error ? error.message : String(error);
    const unfit = unfitness(error, name);
    if (unfit !== undefined)
      this.#o.tell('FailedMount', `Unable to attach or mount volumes: unmounted volumes=[${name}], unattached volumes=[], failed to process volumes=[${name}]: ${unfit}`);
    else {
      const prefix = error instanceof VolumeError ? error.prefix : 'MountVolume.SetUp failed';
      const reason = prefix.startsWith('MapVolume.') ? 'FailedMapVolume' : prefix.startsWith('NodeExpandVolume.') ? 'VolumeResizeFailed' : 'FailedMount';
      this.#o.tell(reason, `${prefix} for volume ${goQuote(name)} : ${message}`);
    }
  } // prettier-ignore
  async tearDown(): Promise<void> {
    this.#disarm();
    await this.#alone(async () => {
      if (this.#last === undefined) return;
      const { host } = this.#o;
      const { volume, plugin } = this.#last;
      const uid = volume.pod.metadata.uid!;
      this.mounted = undefined;
      forgetSize(volume, host);
      await cleanSubPaths(host, uid, volume.volume.name);
      if (plugin.tearDown !== undefined) return plugin.tearDown(volume, host);
      await removeVolumeFolder(host, volumeFolder(host.pods, uid, plugin.name, nameOf(volume)));
      await removeReady(host.pods, uid, plugin.name, nameOf(volume));
    });
  }
  tellGone(): void {
    this.#waiting.reject(new Error('the volume is gone'));
    this.#o.onGone();
  }

  #alone(work: () => Promise<void>): Promise<void> {
    const run = this.#busy.then(work);
    this.#busy = run.catch(() => undefined);
    return run;
  }
  #disarm(): void {
    if (this.#refresh !== undefined) this.#o.host.world.clock.clearTimeout(this.#refresh);
    this.#refresh = undefined;
  }
}
/** Why a volume cannot even be tried. Source: desiredStateOfWorldPopulator processPodVolumes. */
function unfitness(error: unknown, name: string): string | undefined {
  if (error instanceof UnfitVolume) return error.message;
  if (error instanceof UnsupportedVolume) return `failed to get Plugin from volumeSpec for volume ${goQuote(name)} err=${error.message}`; // prettier-ignore
  return undefined;
}
