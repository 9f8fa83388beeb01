import { join } from 'node:path';
import type { Bus } from '../../../bus/bus.ts';
import type { Log } from '../../../bus/log.ts';
import { createMemoryHub } from '../../../bus/memory/bus.ts';
import { createMemoryLog } from '../../../bus/memory/log.ts';
import { connectNats, natsConnectionOf } from '../../../bus/nats/connect.ts';
import { openNatsLog } from '../../../bus/nats/log.ts';
import { natsServerConfig } from '../../../bus/nats/server-config.ts';
import { startTestServer, type TestServer } from '../../../bus/nats/testing/server.ts';
import type {
  ChangesRequest,
  ChangesResponse,
  DeleteRequest,
  EtcdStatus,
  EtcdVerb,
  PutRequest,
  RangeRequest,
  RangeResponse,
  SnapshotResponse,
  WriteResponse,
} from '../../../bus/protocol/etcd.ts';
import { realWorld } from '../../../bus/real-world.ts';
import * as subjects from '../../../bus/subjects.ts';
import type { World } from '../../../bus/world.ts';
import type { Component } from '../../runtime/component.ts';
import { startEtcd, type EtcdOptions } from '../actor.ts';

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array | undefined): string | undefined => value && new TextDecoder().decode(value);

/** The store's verbs with little to type; what `ask` throws comes through. */
export class Client {
  readonly bus: Bus;
  #ids = 0;
  readonly #prefix: string;
  constructor(bus: Bus, prefix = 'c') {
    this.bus = bus;
    this.#prefix = prefix;
  }
  ask<T>(verb: EtcdVerb | 'txn', body: unknown): Promise<T> {
    return this.bus.request<T>(subjects.etcd(verb), body);
  }
  id(): string {
    return `${this.#prefix}-${++this.#ids}`;
  }
  put(key: string, value: string | Uint8Array, more: Partial<PutRequest> = {}): Promise<WriteResponse> {
    return this.ask('put', { key, value: typeof value === 'string' ? bytes(value) : value, id: this.id(), ...more });
  }
  delete(key: string, more: Partial<DeleteRequest> = {}): Promise<WriteResponse> {
    return this.ask('delete', { key, id: this.id(), ...more });
  }
  range(key: string, more: Partial<RangeRequest> = {}): Promise<RangeResponse> {
    return this.ask('range', { key, ...more });
  }
  changes(after: number, more: Partial<ChangesRequest> = {}): Promise<ChangesResponse> {
    return this.ask('changes', { after, ...more });
  }
  compact(revision: number): Promise<{ revision: number }> {
    return this.ask('compact', { revision });
  }
  status(): Promise<EtcdStatus> {
    return this.ask('status', undefined);
  }
  snapshot(): Promise<SnapshotResponse> {
    return this.ask('snapshot', undefined);
  }
  /** All keys below a prefix, page by page, as `key=value`. */
  async list(prefix: string, revision?: number): Promise<{ revision: number; items: string[] }> {
    const items: string[] = [];
    const rangeEnd = `${prefix.slice(0, -1)}${String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)}`;
    for (let key = prefix; ;) {
      const page: RangeResponse = await this.range(key, { rangeEnd, revision, uncounted: true });
      revision ??= page.revision;
      items.push(...page.kvs.map((kv) => `${kv.key}=${text(kv.value)}`));
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return { revision, items };
      key = `${last.key}\0`;
    }
  }
}

export type Tuning = Partial<Omit<EtcdOptions, 'bus' | 'log'>>;
/** A bus and a log; facades and clients on it as wanted, all closed by close(). */
export interface Rig {
  client(): Promise<Client>;
  /** Resolves when it serves. `meddle` stands between it and its log. */
  etcd(tuning?: Tuning, meddle?: (log: Log) => Log): Promise<Component>;
  /** A log of one's own, to meddle. */
  log(): Promise<Log>;
  close(): Promise<void>;
}

/** A log that does some things in its own way. */
export const meddled = (log: Log, ways: Partial<Log>): Log =>
  new Proxy(log, {
    get(target, name: keyof Log) {
      const own: unknown = Object.hasOwn(ways, name) ? ways[name] : target[name];
      return typeof own === 'function' ? (own.bind(Object.hasOwn(ways, name) ? ways : target) as unknown) : own;
    },
  });

/** A nats-server as `kubus up` configures it, without credentials. */
export const startJetStream = (): Promise<TestServer> =>
  startTestServer(({ port, dir }) => natsServerConfig({ port, storeDir: join(dir, 'data') }));
/** One call of the JetStream API. */
export async function jetStream(servers: string, subject: string, body?: unknown): Promise<Record<string, unknown>> {
  const bus = await connectNats({ world: quiet(), servers, name: 'meddler' });
  const reply = await natsConnectionOf(bus).request(
    `$JS.API.${subject}`,
    body === undefined ? '' : JSON.stringify(body),
  );
  await bus.drain();
  return reply.json();
}
export const deleteStream = async (servers: string): Promise<void> =>
  void (await jetStream(servers, 'STREAM.DELETE.KV_kubus'));

export const quiet = (): World => realWorld({ level: 'silent' });

export function memoryRig(world: World = quiet()): Rig {
  const hub = createMemoryHub({ world });
  const entries = createMemoryLog({ world, bus: hub.connect('log') });
  return rigOf(
    world,
    async (name) => hub.connect(name),
    async () => entries.view(),
  );
}

export function natsRig(servers: string, world: World = quiet()): Rig {
  return rigOf(
    world,
    (name) => connectNats({ world, servers, name }),
    (bus) => openNatsLog({ connection: natsConnectionOf(bus), world }),
  );
}

function rigOf(world: World, connect: (name: string) => Promise<Bus>, open: (bus: Bus) => Promise<Log>): Rig {
  let count = 0;
  const stops: (() => Promise<void>)[] = [];
  const connected = async (name: string): Promise<{ bus: Bus; name: string }> => {
    const unique = `${name}-${++count}`;
    const bus = await connect(unique);
    stops.push(() => bus.drain());
    return { bus, name: unique };
  };
  const opened = async (prefix: string): Promise<{ bus: Bus; log: Log; name: string }> => {
    const { bus, name } = await connected(prefix);
    const log = await open(bus);
    stops.push(() => log.close());
    return { bus, log, name };
  };
  return {
    client: async () => {
      const { bus, name } = await connected('client');
      return new Client(bus, name);
    },
    log: async () => (await opened('log')).log,
    etcd: async (tuning = {}, meddle = (log: Log) => log) => {
      const { bus, log, name } = await opened('etcd');
      const component = startEtcd({ world, id: name, ...tuning, bus, log: meddle(log) });
      stops.push(() => component.stop());
      await component.ready;
      return component;
    },
    close: async () => {
      for (const stop of stops.reverse()) await stop();
    },
  };
}
