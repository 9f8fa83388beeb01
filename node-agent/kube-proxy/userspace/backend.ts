import { networkInterfaces } from 'node:os';
import type { World } from '../../../bus/world.ts';
import type { Commands } from '../../host/commands.ts';
import type { Backend } from '../backend.ts';
import type { ServicePlan } from '../plan/plan.ts';
import type { ProxySettings } from '../settings.ts';
import { Balancer } from './balancer.ts';
import { frontsOf, type Front } from './fronts.ts';
import { loopback } from './loopback.ts';
import { listenTcp, type Listener } from './tcp.ts';
import { listenUdp } from './udp.ts';

/**
 * Carries connections itself, for machines whose kernel does not do it for us: in the network namespace of this process,
 * whose own all addresses of Services become. Endpoints see the node as who asks.
 */
export function userspaceBackend(o: { readonly world: World; readonly commands: Commands }): Backend {
  const { world } = o;
  const own = loopback(o.commands);
  const balancer = new Balancer(world);
  const plans = new Map<string, ServicePlan>();
  const listeners = new Map<string, Listener>();
  let addresses = new Set<string>();
  const complained = new Set<string>();
  const owns = (address: string): boolean =>
    addresses.has(address) || Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address) === true);
  const complainOnce = (about: string, err: unknown): void => {
    if (complained.has(about)) return;
    complained.add(about);
    world.log.warn('a service cannot be reached at an address', { at: about, err });
  };
  const add = async (all: readonly string[], signal: AbortSignal): Promise<void> => {
    for (const [ip, why] of await own.add(all, signal)) complainOnce(ip, why);
  };
  const remove = async (all: readonly string[], signal: AbortSignal): Promise<void> => {
    for (const [ip, why] of await own.remove(all, signal)) complainOnce(ip, why);
  };
  const listen = async (key: string, front: Front): Promise<void> => {
    try {
      listeners.set(key, await (front.protocol === 'TCP' ? listenTcp(front, balancer) : listenUdp(front, balancer, world)));
      complained.delete(key);
    } catch (error) {
      complainOnce(key, error);
    }
  };
  const bring = async (settings: ProxySettings, signal: AbortSignal): Promise<void> => {
    const wanted = frontsOf(plans.values(), settings, owns);
    const { fronts } = wanted;
    const missing = [...wanted.addresses].filter((ip) => !addresses.has(ip));
    for (const ip of missing) addresses.add(ip);
    await add(missing, signal);
    for (const [key, listener] of listeners) {
      const front = fronts.get(key);
      if (front !== undefined) listener.front = front;
      else {
        listener.close();
        listeners.delete(key);
      }
    }
    for (const [key, front] of fronts) if (!listeners.has(key)) await listen(key, front);
    const spare = [...addresses].filter((ip) => !wanted.addresses.has(ip));
    for (const ip of spare) addresses.delete(ip);
    await remove(spare, signal);
    balancer.keep(new Set([...fronts.values()].map(({ owner }) => owner)));
  };
  return {
    mode: 'userspace',
    probe: () => Promise.resolve(undefined),
    async rebuild(services, settings, signal) {
      plans.clear();
      for (const plan of services) plans.set(plan.key, plan);
      // A proxy before this one may have been cut off.
      addresses = await own.addresses(signal);
      await bring(settings, signal);
    },
    async update(changes, settings, signal) {
      for (const { key, after } of changes)
        if (after === undefined) plans.delete(key);
        else plans.set(key, after);
      await bring(settings, signal);
    },
    hasLeftovers: false,
    async remove(signal) {
      await remove([...(await own.addresses(signal))], signal);
      addresses.clear();
    },
    close() {
      for (const listener of listeners.values()) listener.close();
      listeners.clear();
      return Promise.resolve();
    },
  };
} // prettier-ignore
