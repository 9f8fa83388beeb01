import { startDns, type DnsComponent } from '../../actors/dns/actor.ts';
import { serviceAddress } from '../../actors/dns/service.ts';
import { DNS_DOMAIN, DNS_HOST, machineUpstreams, ownAddress, upstreamsOf, type DnsConfig } from '../cluster/dns.ts';
import { addressAt, HOST_PLACE } from '../machine/ranges.ts';
import type { AddonContext } from './addons.ts';

const DEFAULT_SERVICES = '10.96.0.0/16';

/** Composition root of the cluster's name server: any number may run, on one port together or each on its own. */
export function startDnsProcess({ world, bus, id, config, dns }: AddonContext): DnsComponent {
  const settings: Partial<DnsConfig> = { ...config.dns, ...dns };
  return startDns({
    world,
    bus,
    id,
    host: settings.host ?? DNS_HOST,
    port: settings.port ?? 0,
    domain: settings.domain ?? DNS_DOMAIN,
    pods: settings.pods,
    upstreams: settings.upstreams === undefined ? machineUpstreams() : upstreamsOf(settings.upstreams),
    serviceAddress: serviceAddress(config.serviceCidrs?.[0] ?? DEFAULT_SERVICES),
    reachedAt: settings.reachedAt === 'auto' ? ownAddress() : (settings.reachedAt ?? (config.machine && addressAt(config.machine.range, HOST_PLACE))), // prettier-ignore
  });
}
