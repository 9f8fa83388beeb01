import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './client.ts';
import type { WatchHistory, Watched } from './watch-check.ts';
import { ANSWER_MS, CONFIG_MAPS, isOurs } from './writer.ts';

interface ConfigMap {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly data?: { readonly value?: string };
}
interface WatchLine {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: ConfigMap & { readonly code?: number; readonly message?: string };
}
/** A server that says nothing for so long is left for another. */
const SILENCE_MS = 3_000;
const PAUSE_MS = 50;

/** Lists once, watches from there, and goes on with another server from where it was whenever a watch ends. */
export class Watcher implements WatchHistory {
  readonly watcher: string;
  readonly items: Watched[] = [];
  readonly #clients: readonly Client[];
  #at: number;
  #revision = 0;

  constructor(watcher: string, clients: readonly Client[], first: number) {
    this.watcher = watcher;
    this.#clients = clients;
    this.#at = first % clients.length;
  }
  /** Newest revision that it knows of. */
  get revision(): number {
    return this.#revision;
  }
  async run(signal: AbortSignal): Promise<void> {
    for (let listed = false; !signal.aborted;) {
      const client = this.#clients[this.#at]!;
      try {
        listed ||= await this.#list(client);
        if ((await this.#watch(client, signal)) === 'expired') listed = false;
        else this.#closed('it ended');
      } catch (error) {
        if (signal.aborted) return;
        this.#closed((error as Error).message);
      }
      this.#at = (this.#at + 1) % this.#clients.length;
      await sleep(PAUSE_MS);
    }
  }
  #closed(why: string): void {
    if (this.items.at(-1)?.kind !== 'closed') this.items.push({ kind: 'closed', at: performance.now(), why });
  }
  async #list(client: Client): Promise<boolean> {
    const { status, body } = await client.send('GET', CONFIG_MAPS, undefined, ANSWER_MS);
    if (status !== 200) throw new Error((body as { message?: string }).message ?? `status ${status}`);
    const { items, metadata } = body as { items: readonly ConfigMap[]; metadata: { resourceVersion: string } };
    this.#revision = Number(metadata.resourceVersion);
    const ours = items.map((item) => item.metadata).filter(({ name }) => isOurs(name));
    const keys = new Map(ours.map(({ name, resourceVersion }) => [name, Number(resourceVersion)]));
    this.items.push({ kind: 'listed', at: performance.now(), revision: this.#revision, keys });
    return true;
  }
  async #watch(client: Client, signal: AbortSignal): Promise<'ended' | 'expired'> {
    const { server } = client;
    const path = `${CONFIG_MAPS}?watch=true&allowWatchBookmarks=true&resourceVersion=${this.#revision}`;
    const onOpen = (): void => {
      this.items.push({ kind: 'opened', at: performance.now(), revision: this.#revision, server });
    };
    for await (const line of client.watch(path, SILENCE_MS, signal, onOpen)) {
      const at = performance.now();
      const { type, object } = line as Partial<WatchLine>;
      if (type === undefined || object === undefined || type === 'ERROR') {
        const refused = (object ?? line) as { code?: number; message?: string };
        if (refused.code === 410) return 'expired';
        throw new Error(refused.message ?? 'the watch was refused');
      }
      const revision = Number(object.metadata.resourceVersion);
      if (type === 'BOOKMARK') this.items.push({ kind: 'bookmark', at, revision });
      else if (isOurs(object.metadata.name))
        this.items.push({ kind: 'event', at, type, key: object.metadata.name, revision, value: object.data?.value });
      this.#revision = Math.max(this.#revision, revision);
    }
    return 'ended';
  }
}
