import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { World } from '../../../bus/world.ts';
import type { Node, Service } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import type { Inspection } from '../../runtime/inspection.ts';
import type { PodDialer } from '../../runtime/pod-dialer.ts';
import { createChooser } from './affinity.ts';
import { startDatagrams } from './datagrams.ts';
import { backendsOf, type Backend } from './endpoints.ts';
import { join } from './join.ts';
import { startListener, type Listener } from './listener.ts';
import { admits, plain, type Admits } from './sources.ts';

/** The load balancer of one Service: what listens on its addresses, and where connections go. */
export interface Balancer {
  readonly ips: readonly string[];
  /**
   * Resolves when all ports listen; rejects with an error that names those that do not, and what to do. What the Service
   * does not want any more is closed, connections on the other ports go on.
   */
  set(service: Service, nodes: readonly Node[], ips: readonly string[]): Promise<void>;
  setNodes(nodes: readonly Node[]): void;
  /** Its endpoints have changed. */
  endpointsChanged(): void;
  readonly connections: number;
  retire(): void;
  remove(): void;
}
/** Backends that a connection tries. */
const TRIES = 3;

export function createBalancer(o: {
  readonly world: World;
  readonly dial: PodDialer;
  readonly slices: () => Iterable<EndpointSlice>;
  readonly inspection?: Inspection | undefined;
}): Balancer {
  const { world } = o;
  const listeners = new Map<string, Listener>();
  const chooser = createChooser();
  let service: Service | undefined;
  let ips: readonly string[] = [];
  let nodes: ReadonlySet<string> = new Set();
  let isAdmitted: Admits = () => true;
  /** By port, until something changes. */
  let backends = new Map<string, readonly Backend[]>();

  function backendsFor(number: number, protocol = 'TCP'): readonly Backend[] {
    const key = `${number} ${protocol}`;
    let known = backends.get(key);
    if (known === undefined) {
      const port = service?.spec?.ports?.find((p) => p.port === number && (p.protocol ?? 'TCP') === protocol);
      backends.set(key, (known = port === undefined ? [] : backendsOf(service!, port, o.slices(), nodes)));
    }
    return known;
  }
  /** For the datagrams of a client. */
  function chosenFor(client: string, port: number): Backend | undefined {
    if (!isAdmitted(plain(client))) return undefined;
    return chooser.order(plain(client), backendsFor(port, 'UDP'), world.clock.now())[0];
  }
  async function carry(socket: Socket, port: number): Promise<void> {
    const client = plain(socket.remoteAddress ?? '');
    if (!isAdmitted(client)) return void socket.resetAndDestroy();
    const left = new AbortController();
    const onLeft = (): void => left.abort(new Error('the client has left'));
    socket.once('close', onLeft);
    let upstream: Duplex | undefined;
    for (const backend of chooser.order(client, backendsFor(port), world.clock.now()).slice(0, TRIES)) {
      try {
        upstream = await o.dial(backend, left.signal);
        chooser.chosen(client, backend, world.clock.now());
        break;
      } catch (err) {
        if (left.signal.aborted) return;
        world.log.debug('backend not reached', { backend: backend.id, err });
      }
    }
    socket.off('close', onLeft);
    if (upstream === undefined) socket.resetAndDestroy();
    else if (socket.destroyed) upstream.destroy();
    else join(socket, upstream);
  }
  function begin(ip: string, port: number, protocol: string): Listener {
    const common = { world, ip, port, inspection: o.inspection };
    if (protocol === 'UDP') return startDatagrams({ ...common, choose: (client) => chosenFor(client, port) });
    return startListener({
      ...common,
      onConnection: (socket) => void carry(socket, port).catch(() => socket.destroy()),
    });
  }
  async function open({ key, ip, port, protocol }: Place): Promise<string | undefined> {
    let listener = listeners.get(key);
    if (!listener) listeners.set(key, (listener = begin(ip, port, protocol)));
    try {
      await listener.open;
      return undefined;
    } catch (error) {
      listeners.delete(key);
      return refusalOf(ip, port, error as NodeJS.ErrnoException);
    }
  }
  return {
    get ips() {
      return ips;
    },
    async set(wanted, behind, addresses) {
      isAdmitted = admits(wanted);
      service = wanted;
      ips = addresses;
      nodes = new Set(behind.map(({ metadata }) => metadata.name!));
      backends = new Map();
      chooser.set(wanted);
      const places = placesOf(ips, wanted);
      const keys = new Set(places.map(({ key }) => key));
      for (const [key, listener] of listeners)
        if (!keys.has(key)) {
          listeners.delete(key);
          listener.remove();
        }
      const refusals = await Promise.all(places.map(open));
      const told = refusals.filter((refusal) => refusal !== undefined);
      if (told.length > 0) throw new Error(told.join('; '));
    },
    setNodes(behind) {
      nodes = new Set(behind.map(({ metadata }) => metadata.name!));
      backends = new Map();
    },
    endpointsChanged: () => (backends = new Map()),
    get connections() {
      return [...listeners.values()].reduce((sum, listener) => sum + listener.connections, 0);
    },
    retire() {
      for (const listener of listeners.values()) listener.retire();
      listeners.clear();
    },
    remove() {
      for (const listener of listeners.values()) listener.remove();
      listeners.clear();
    },
  };
}

interface Place {
  readonly key: string;
  readonly ip: string;
  readonly port: number;
  readonly protocol: string;
}
const placesOf = (ips: readonly string[], { spec }: Service): Place[] =>
  ips.flatMap((ip) =>
    (spec?.ports ?? []).map(({ port, protocol = 'TCP' }) => ({ key: `${ip} ${port} ${protocol}`, ip, port, protocol })),
  );

/** What people can do about a port on which the machine does not let us listen. */
export function refusalOf(ip: string, port: number, error: NodeJS.ErrnoException): string {
  const place = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
  const cause = `cannot listen on ${place} (${error.code ?? error.message})`;
  switch (error.code) {
    case 'EACCES':
      return `${cause}: this machine lets only root have ports below 1024: give the Service a port of 1024 or more, start the cluster as root, or allow it with: sysctl -w net.ipv4.ip_unprivileged_port_start=${port}`; // prettier-ignore
    case 'EADDRINUSE':
      return `${cause}: another process of this machine listens there, or on that port of all addresses: find it with: ss -ltnp 'sport = :${port}'; then stop it, or give the Service another port`; // prettier-ignore
    case 'EADDRNOTAVAIL':
      return `${cause}: this machine has no such address: add it with: ip addr add ${ip} dev lo; or start the cluster with another --load-balancer-range`; // prettier-ignore
    case 'EMFILE':
    case 'ENFILE':
      return `${cause}: too many files are open: raise the limit with: ulimit -n`;
    default:
      return cause;
  }
}
