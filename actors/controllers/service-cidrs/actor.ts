import type { ServiceCIDR } from '../../../schemas/generated/networking-v1.ts';
import { startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { containingAddress, isAllocated, overlapping } from './ranges.ts';
import { ipAddresses, reconcile, serviceCidrs } from './reconcile.ts';

/** Makes ServiceCIDRs ready, and lets those that are being deleted go once none of their addresses is in use. */
export function startServiceCidrs(deps: ControllerDeps): Controller {
  const client = deps.client('controller:service-cidrs');
  const recorder = deps.recorderFor(client, 'service-cidr-controller');
  const cidrs = deps.informers.for<ServiceCIDR>(serviceCidrs);
  const addresses = deps.informers.metadata(ipAddresses);
  const nameOf = ({ metadata }: ServiceCIDR): string => metadata.name!;
  const isGoing = ({ metadata }: ServiceCIDR): boolean => metadata.deletionTimestamp !== undefined;

  return startController({
    name: 'service-cidrs',
    ...deps,
    client,
    sources: [
      source(cidrs, (cidr, old) => [
        nameOf(cidr),
        // One more may be what another waits for.
        ...(old ? [] : overlapping([...cidrs.all()].filter(isGoing), cidr).map(nameOf)),
      ]),
      source(addresses, (address) =>
        isAllocated(address)
          ? containingAddress([...cidrs.all()].filter(isGoing), address).map(({ cidr }) => nameOf(cidr))
          : [],
      ),
    ],
    async sync({ key, now, execute }) {
      const cidr = cidrs.get(key);
      if (!cidr) return;
      const { intents, requeueAfterMs } = reconcile({ cidr, all: [...cidrs.all()], addresses: () => addresses.all() }, now); // prettier-ignore
      for (const intent of intents)
        try {
          await execute([intent]);
        } catch (error) {
          if (intent.op === 'patch' && intent.type === 'apply' && !isGoing(cidr))
            recorder.event(cidr, 'Warning', 'KubernetesServiceCIDRError', 'The ServiceCIDR Status can not be set to Ready=True'); // prettier-ignore
          throw error;
        }
      return { requeueAfterMs };
    },
  });
}
