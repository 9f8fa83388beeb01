import { watch } from 'node:fs';
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { delay, type TimerId, type World } from '../../../bus/world.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { connectGrpc, type GrpcClient, type GrpcMethod } from '../../grpc/client.ts';
import type { Fields } from '../../grpc/schema.ts';
import { csiSchema, NODE, REGISTRATION } from './protocol.ts';

/** Source: pkg/volume/csi csiTimeout; pluginwatcher dialTimeoutDuration. */
const CALL_MS = 120_000;
const REGISTRATION_MS = 10_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 122_000;

export interface DriverInfo {
  readonly nodeId: string;
  /** 0: as many as one likes. */
  readonly maxVolumesPerNode: number;
  readonly topology: Readonly<Record<string, string>>;
}
/** A driver that has registered with this kubelet. */
export interface CsiDriver {
  readonly name: string;
  readonly info: DriverInfo;
  can(capability: number): boolean;
  /** Rejects with GrpcError. */
  call(method: GrpcMethod, request: Fields): Promise<Fields>;
}
/** The drivers of a node, as their sockets come and go. */
export interface CsiDrivers {
  /** Throws: `driver name x not found in the list of registered CSI drivers`. */
  of(name: string): CsiDriver;
  stop(): void;
}
export interface CsiDriversOptions {
  readonly world: World;
  /** Folder in which drivers put sockets to be found by. */
  readonly registry: string;
  /** Rejects: the driver is told, and tries again. */
  readonly onRegistered: (driver: CsiDriver) => Promise<void>;
  /** It is found by its name from now on. */
  readonly onReady: () => void;
  readonly onGone: (name: string) => Promise<void>;
}
interface Registered {
  readonly driver: CsiDriver;
  /** The very socket: one that was made anew is somebody else's. */
  readonly file: string;
  readonly close: () => void;
}
/** Source: kubelet pluginmanager, pkg/volume/csi RegistrationHandler. */
export function watchCsiDrivers(o: CsiDriversOptions): CsiDrivers {
  const { world, registry } = o;
  const { clock, log } = world;
  const end = new AbortController();
  const bySocket = new Map<string, Registered>();
  const byName = new Map<string, Registered>();
  /** How often each socket was tried in vain. */
  const failures = new Map<string, number>();
  let retry: TimerId | undefined;
  let looking: Promise<void> | undefined;
  let again = false;

  async function register(socket: string, file: string): Promise<void> {
    const door = await connectGrpc(world, `unix:${socket}`, csiSchema);
    try {
      const { type, name, endpoint, supportedVersions } = (await door.call(REGISTRATION.getInfo, {}, { timeoutMs: REGISTRATION_MS })) as { type: string; name: string; endpoint: string; supportedVersions: string[] };
      if (type !== 'CSIPlugin') {
        log.info('a plugin of another kind is left alone', { socket, type });
        return;
      }
      try {
        await admit(socket, file, name, endpoint || socket, supportedVersions);
      } catch (error) {
        await door.call(REGISTRATION.notify, { pluginRegistered: false, error: (error as Error).message }, { timeoutMs: REGISTRATION_MS });
        throw error;
      }
      await door.call(REGISTRATION.notify, { pluginRegistered: true }, { timeoutMs: REGISTRATION_MS });
      log.info('a CSI driver has registered', { driver: name });
    } finally {
      door.close();
    }
  }
  async function admit(socket: string, file: string, name: string, endpoint: string, versions: readonly string[]): Promise<void> {
    if (versions.length === 0) throw new Error(`kubernetes.io/csi: RegisterPlugin for CSI driver ${goQuote(name)} failed. Plugin returned an empty list for supported versions`);
    if (!versions.some((version) => /^v?1\./.test(version))) throw new Error(`kubernetes.io/csi: RegisterPlugin for CSI driver ${goQuote(name)} failed. None of the versions specified ["${versions.join('" "')}"] are supported. err=None of the supported versions match`);
    const client: GrpcClient = await connectGrpc(world, `unix:${endpoint}`, csiSchema);
    const call = (method: GrpcMethod, request: Fields): Promise<Fields> => client.call(method, request, { timeoutMs: CALL_MS, signal: end.signal });
    try {
      const info = (await call(NODE.info, {})) as { nodeId: string; maxVolumesPerNode: number; accessibleTopology?: { segments: Record<string, string> } };
      const { capabilities } = (await call(NODE.capabilities, {})) as { capabilities: readonly { readonly rpc?: { readonly type: number } }[] };
      const able = new Set(capabilities.map(({ rpc }) => rpc?.type));
      const driver: CsiDriver = {
        name,
        info: { nodeId: info.nodeId, maxVolumesPerNode: info.maxVolumesPerNode, topology: info.accessibleTopology?.segments ?? {} },
        can: (capability) => able.has(capability),
        call,
      };
      await o.onRegistered(driver);
      // A newer one of the same name has taken its place.
      byName.get(name)?.close();
      const registered = { driver, file, close: () => client.close() };
      bySocket.set(socket, registered);
      byName.set(name, registered);
      o.onReady();
    } catch (error) {
      client.close();
      throw error;
    }
  }
  async function leave(socket: string, gone: Registered): Promise<void> {
    bySocket.delete(socket);
    const { name } = gone.driver;
    if (byName.get(name) !== gone) return;
    byName.delete(name);
    gone.close();
    await o.onGone(name);
    log.info('a CSI driver has gone', { driver: name });
  }
  async function look(): Promise<void> {
    const found = new Map<string, string>();
    for (const name of await readdir(registry)) {
      const path = join(registry, name);
      const stats = name.startsWith('.') ? undefined : await stat(path, { bigint: true }).catch(() => undefined);
      if (stats?.isSocket() === true) found.set(path, `${stats.ino} ${stats.birthtimeNs}`);
    }
    for (const [socket, one] of bySocket) if (found.get(socket) !== one.file) await leave(socket, one).catch((err: unknown) => log.warn('a driver that is gone is still said to be there', { err }));
    for (const socket of failures.keys()) if (!found.has(socket)) failures.delete(socket);
    for (const [socket, file] of found) {
      if (bySocket.has(socket) || end.signal.aborted) continue;
      try {
        await register(socket, file);
        failures.delete(socket);
      } catch (err) {
        failures.set(socket, (failures.get(socket) ?? 0) + 1);
        log.warn('a CSI driver could not register', { socket, err });
      }
    }
    if (retry !== undefined) clock.clearTimeout(retry);
    const times = Math.min(...failures.values());
    if (failures.size > 0 && !end.signal.aborted) retry = clock.setTimeout(see, Math.min(FIRST_RETRY_MS * 2 ** (times - 1), LONGEST_RETRY_MS));
  }
  /** One look at a time, and one after the last thing that happened. */
  function see(): void {
    if (end.signal.aborted) return;
    again = true;
    looking ??= (async () => {
      while (again && !end.signal.aborted) {
        again = false;
        await look().catch(async (err: unknown) => {
          log.warn('plugins not looked for', { err });
          await delay(clock, FIRST_RETRY_MS, end.signal).catch(() => undefined);
        });
      }
      looking = undefined;
    })();
  }
  void (async () => {
    await mkdir(registry, { recursive: true, mode: 0o750 });
    if (end.signal.aborted) return;
    const watcher = watch(registry, see);
    watcher.on('error', (err) => log.warn('the folder of plugins is not watched any more', { err }));
    end.signal.addEventListener('abort', () => watcher.close(), { once: true });
    see();
  })().catch((err: unknown) => log.warn('plugins are not looked for', { err }));
  return {
    of(name) {
      const found = byName.get(name);
      if (found === undefined) throw new Error(`driver name ${name} not found in the list of registered CSI drivers`);
      return found.driver;
    },
    stop() {
      end.abort();
      if (retry !== undefined) clock.clearTimeout(retry);
      for (const one of bySocket.values()) one.close();
    },
  };
} // prettier-ignore
