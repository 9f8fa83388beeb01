import { createHash } from 'node:crypto';
import type { Lease } from '../../../schemas/generated/coordination-v1.ts';
import type { Endpoints } from '../../../schemas/generated/core-v1.ts';
import type { EndpointSlice } from '../../../schemas/generated/discovery-v1.ts';
import { formatMicroTime, parseTime } from '../../../schemas/meta/time.ts';
import { endpoints, endpointSlices, leases } from '../../runtime/resources.ts';
import { attempt, resourceOf, type Ground } from './ensure.ts';
import { sameJson } from '../../../schemas/patch/values.ts';

export const RENEW_MS = 10_000;
/** A server that did not renew for so long no longer stands behind the service `kubernetes`. */
const ALIVE_MS = 30_000;
const LEASE_SECONDS = 3600;
const ADDRESS = 'kubernetes.io/peer-advertise-address';
const COMPONENT = 'apiserver.kubernetes.io/identity';

export interface Identity {
  /** Of the machine; names the lease together with the port, so that several servers on one machine keep apart. */
  readonly hostname: string;
  readonly advertiseAddress: string;
  readonly port: number;
  /** Tells apart servers that share a machine and a port. */
  readonly replica?: string | undefined;
}
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
function base32(bytes: Uint8Array): string {
  let [bits, value, out] = [0, 0, ''];
  for (const byte of bytes) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      out += BASE32[(value >>> (bits - 5)) & 31]!;
      bits -= 5;
    }
    value &= (1 << bits) - 1;
  }
  return bits > 0 ? out + BASE32[(value << (5 - bits)) & 31]! : out;
}
export const identityName = (identity: Identity): string =>
  `apiserver-${base32(createHash('sha256').update(nameText(identity)).digest().subarray(0, 16))}`;
const nameText = ({ hostname, port, replica }: Identity): string =>
  replica === undefined ? `${hostname}:${port}` : `${hostname}:${port}/${replica}`;

/**
 * The lease by which an API server says that it lives, and the endpoints of the service `kubernetes`, which are the
 * addresses of those that live. Source: kubernetes pkg/controlplane (reconcilers, apiserver/server.go).
 */
export function createIdentity(ground: Ground, identity: Identity) {
  const { cache, loopback, world } = ground;
  const name = identityName(identity);
  const holder = `${name}_${world.ids.uuid()}`;
  const own = `${identity.advertiseAddress.includes(':') ? `[${identity.advertiseAddress}]` : identity.advertiseAddress}:${identity.port}`;
  const [lease, endpoint, slice] = [leases, endpoints, endpointSlices].map((gvr) => resourceOf(ground, gvr));

  const renew = async (): Promise<void> => {
    const present = cache.get<Lease>(lease!, 'kube-system', name);
    const spec = {
      holderIdentity: holder,
      leaseDurationSeconds: LEASE_SECONDS,
      renewTime: formatMicroTime(world.clock.now()),
    };
    const labels = { [COMPONENT]: 'kube-apiserver', 'kubernetes.io/hostname': identity.hostname };
    const metadata = { name, namespace: 'kube-system', labels, annotations: { [ADDRESS]: own } };
    const fresh: Lease = { kind: 'Lease', apiVersion: 'coordination.k8s.io/v1', metadata, spec };
    await attempt(ground, () =>
      present === undefined
        ? loopback.create(lease!, fresh)
        : loopback.update(lease!, {
            ...present,
            metadata: {
              ...present.metadata,
              labels: { ...present.metadata.labels, ...labels },
              annotations: metadata.annotations,
            },
            spec,
          }),
    );
  };
  /** `address:port` of all servers whose lease is fresh; this one's always, unless it is leaving. */
  const alive = (leaving: boolean): string[] => {
    // A server without an HTTPS door has no address that anyone could use.
    const found = new Set(leaving || identity.port === 0 ? [] : [own]);
    for (const l of cache.list<Lease>(lease!, 'kube-system')) {
      const address = l.metadata.annotations?.[ADDRESS];
      // Another server may have this one's address, and stays when this one goes.
      if (l.metadata.labels?.[COMPONENT] !== 'kube-apiserver' || address === undefined || l.metadata.name === name)
        continue;
      if (world.clock.now() - (parseTime(l.spec?.renewTime ?? '') ?? 0) < ALIVE_MS) found.add(address);
    }
    return [...found].sort();
  };
  const publish = async (leaving: boolean): Promise<void> => {
    const servers = alive(leaving)
      .map(split)
      .filter((s) => s.port > 0);
    if (servers.length === 0 && !leaving) return;
    // Servers on one machine differ in port alone; endpoints then name the machine once for each port.
    const ports = [...new Set(servers.map((s) => s.port))];
    const subsets = ports.map((port) => ({
      addresses: servers.filter((s) => s.port === port).map((s) => ({ ip: s.address })),
      ports: [{ name: 'https', port, protocol: 'TCP' as const }],
    }));
    const meta = { name: 'kubernetes', namespace: 'default' };
    const wantedEndpoints: Endpoints = {
      kind: 'Endpoints',
      apiVersion: 'v1',
      metadata: { ...meta, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
      ...(subsets.length > 0 && { subsets }),
    };
    // One slice has one list of ports: those of the port most servers have.
    const port = ports[0];
    const wantedSlice: EndpointSlice = {
      kind: 'EndpointSlice',
      apiVersion: 'discovery.k8s.io/v1',
      metadata: { ...meta, labels: { 'kubernetes.io/service-name': 'kubernetes' } },
      addressType: identity.advertiseAddress.includes(':') ? 'IPv6' : 'IPv4',
      endpoints: servers
        .filter((s) => s.port === port)
        .map((s) => ({ addresses: [s.address], conditions: { ready: true } })),
      ports: port === undefined ? [] : [{ name: 'https', protocol: 'TCP', port }],
    };
    const present = cache.get<Endpoints>(endpoint!, 'default', 'kubernetes');
    const presentSlice = cache.get<EndpointSlice>(slice!, 'default', 'kubernetes');
    await Promise.all([
      attempt(ground, async () => {
        if (present === undefined) await loopback.create(endpoint!, wantedEndpoints);
        else if (!sameJson(present.subsets ?? [], wantedEndpoints.subsets ?? []))
          await loopback.update(endpoint!, { ...present, subsets: wantedEndpoints.subsets });
      }),
      attempt(ground, async () => {
        if (presentSlice === undefined) await loopback.create(slice!, wantedSlice);
        else if (!sameJson([presentSlice.endpoints, presentSlice.ports], [wantedSlice.endpoints, wantedSlice.ports]))
          await loopback.update(slice!, {
            ...presentSlice,
            endpoints: wantedSlice.endpoints,
            ports: wantedSlice.ports,
          });
      }),
    ]);
  };
  /** Removes what servers left that did not say goodbye. Source: controlplane/controller/apiserverleasegc. */
  const collect = async (): Promise<void> => {
    const dead = [...cache.list<Lease>(lease!, 'kube-system')].filter((l) => {
      const { renewTime, leaseDurationSeconds = LEASE_SECONDS } = l.spec ?? {};
      const ended = (parseTime(renewTime ?? '') ?? 0) + leaseDurationSeconds * 1000 < world.clock.now();
      return l.metadata.labels?.[COMPONENT] === 'kube-apiserver' && l.metadata.name !== name && ended;
    });
    await Promise.all(
      dead.map((l) => attempt(ground, () => loopback.delete(lease!, 'kube-system', l.metadata.name ?? ''))),
    );
  };
  return {
    name,
    renew,
    collect,
    publish: () => publish(false),
    async leave(): Promise<void> {
      await publish(true);
      await attempt(ground, () => loopback.delete(lease!, 'kube-system', name));
    },
  };
}
function split(address: string): { address: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { address: address.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(address.slice(colon + 1)) };
}
