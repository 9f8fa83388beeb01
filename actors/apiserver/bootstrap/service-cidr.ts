import type { ServiceCIDR } from '../../../schemas/generated/networking-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { attempt, resourceOf, type Ground } from './ensure.ts';

const NAME = 'kubernetes';
/** Source: defaultservicecidr controllerName. */
const MANAGER = 'kubernetes-service-cidr-controller';

/**
 * The ServiceCIDR of what the server was started with: made again when it is gone, given its second range when the cluster
 * gets one, and said to be ready unless somebody says otherwise. Idempotent.
 * Source: kubernetes pkg/controlplane/controller/defaultservicecidr.
 */
export async function keepServiceCidr(ground: Ground, cidrs: readonly string[]): Promise<void> {
  const resource = resourceOf(ground, { group: 'networking.k8s.io', version: 'v1', resource: 'servicecidrs' });
  const present = ground.cache.get<ServiceCIDR>(resource, '', NAME);
  const before = present?.spec?.cidrs ?? [];
  if (present === undefined)
    await attempt(ground, () =>
      ground.loopback.create<ServiceCIDR>(resource, {
        kind: 'ServiceCIDR', apiVersion: 'networking.k8s.io/v1', metadata: { name: NAME }, spec: { cidrs: [...cidrs] },
      }),
    ); // prettier-ignore
  else if (cidrs.length === 2 && before.length === 1 && before[0] === cidrs[0])
    await attempt(ground, () => ground.loopback.update(resource, { ...present, spec: { cidrs: [...cidrs] } }));
  else if (before.join() !== cidrs.join()) {
    ground.world.log.warn('the ServiceCIDR is not what the server was started with', { present: before, cidrs });
    return;
  }
  const ready = present?.status?.conditions?.find((c) => c.type === 'Ready')?.status;
  const isLeaving = present?.metadata.deletionTimestamp !== undefined && present.metadata.deletionTimestamp !== null;
  if (isLeaving || (ready !== undefined && ready !== 'Unknown')) return;
  // Without a reason: the real one sends none, and does not own it.
  const condition = {
    type: 'Ready',
    status: 'True',
    lastTransitionTime: formatTime(ground.world.clock.now()),
    message: 'Kubernetes default Service CIDR is ready',
  };
  const config = {
    kind: 'ServiceCIDR',
    apiVersion: 'networking.k8s.io/v1',
    metadata: { name: NAME },
    status: { conditions: [condition] },
  };
  await attempt(ground, () => ground.loopback.as(MANAGER).apply(resource, config, 'status'));
}
