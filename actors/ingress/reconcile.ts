import type { Ingress, IngressClass, IngressLoadBalancerIngress } from '../../schemas/generated/networking-v1.ts';
import type { GroupVersionResource } from '../../schemas/meta/object.ts';
import type { Decision, Intent } from '../runtime/intent.ts';
import { CLASS_NAME, CONTROLLER, DEFAULT_CLASS, isDefault, isOurs } from './routing/classes.ts';

export const ingresses: GroupVersionResource = { group: 'networking.k8s.io', version: 'v1', resource: 'ingresses' };
export const ingressClasses: GroupVersionResource = { ...ingresses, resource: 'ingressclasses' };

export interface Problem {
  readonly reason: string;
  readonly message: string;
}
export interface Observed {
  readonly ingress: Ingress;
  /** Its class names this controller. */
  readonly isOurs: boolean;
  /** This is the first time that the leader sees it, or its spec has changed since. */
  readonly isNews: boolean;
  /** Where this controller is reached. */
  readonly address: readonly IngressLoadBalancerIngress[];
  /** That have not been told yet. */
  readonly problems: readonly Problem[];
}
/** What the leader writes about one Ingress: where it is served, that it was seen, and what is wrong with it. */
export function reconcile({ ingress, isOurs: mine, isNews, address, problems }: Observed): Decision {
  const { metadata, status } = ingress;
  const told = status?.loadBalancer?.ingress ?? [];
  if (metadata.deletionTimestamp) return { intents: [] };
  const intents: Intent[] = [];
  const isTold = JSON.stringify(told.map(canonical)) === JSON.stringify(address.map(canonical));
  if (mine && isNews)
    intents.push({ op: 'event', type: 'Normal', regarding: ingress, reason: 'Sync', message: 'Scheduled for sync' });
  for (const { reason, message } of mine ? problems : [])
    intents.push({ op: 'event', type: 'Warning', regarding: ingress, reason, message });
  // One that was given to another controller keeps what that one says, but not what this one has said.
  if (mine ? !isTold : isTold && told.length > 0) {
    intents.push({
      op: 'patch',
      gvr: ingresses,
      namespace: metadata.namespace,
      name: metadata.name!,
      type: 'merge',
      subresource: 'status',
      patch: { status: { loadBalancer: { ingress: mine ? address : null } } },
      tolerate: ['NotFound'],
    });
  }
  return { intents };
}
const canonical = ({ ip = '', hostname = '', ports = [] }: IngressLoadBalancerIngress): unknown => [
  ip,
  hostname,
  ports.map(({ port, protocol }) => `${port}/${protocol}`),
];

/** The class that people can name; the default where there is no other. One that is there is theirs, whatever it says. */
export function missingClass(classes: readonly IngressClass[]): Intent | undefined {
  if (classes.some((one) => isOurs(one) || one.metadata.name === CLASS_NAME)) return undefined;
  const object: IngressClass = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: CLASS_NAME, ...(!classes.some(isDefault) && { annotations: { [DEFAULT_CLASS]: 'true' } }) },
    spec: { controller: CONTROLLER },
  };
  return { op: 'create', gvr: ingressClasses, object, tolerate: ['AlreadyExists'] };
}
