import type { Container, Pod, PodStatus } from '../../../schemas/generated/core-v1.ts';
import { podQuantities } from '../../../schemas/helpers/pod-quantities.ts';
import { amount } from '../../../schemas/helpers/pod-resources.ts';
import { subtractQuantities } from '../../../schemas/meta/quantity.ts';
import { isLimited } from '../../cgroups/limits.ts';

export type Resources = Container['resources'];
const RESIZABLE = ['cpu', 'memory'] as const;
const isResizable = (name: string): boolean => (RESIZABLE as readonly string[]).includes(name);

/** Whether two say the same of what can be changed while a container runs. */
export const isSame = (a: Resources, b: Resources): boolean =>
  RESIZABLE.every((name) => amount(name, a?.requests?.[name]) === amount(name, b?.requests?.[name]) && amount(name, a?.limits?.[name]) === amount(name, b?.limits?.[name])); // prettier-ignore

/** What a container may use: its own limits, and its pod's where it has none. Source: kubelet util GetLimits. */
export function effective(own: Resources, ofPod: Resources): NonNullable<Resources> {
  const shared = RESIZABLE.filter((name) => own?.limits?.[name] === undefined && ofPod?.limits?.[name] !== undefined);
  if (shared.length === 0) return own ?? {};
  return { ...own, limits: { ...own?.limits, ...Object.fromEntries(shared.map((name) => [name, ofPod!.limits![name]!])) } }; // prettier-ignore
}

/** What a pod says of all its containers together: what it was given, and what of that is in force. */
export class PodLevel {
  given: Resources;
  /** undefined: what was given is in force. */
  actuated: Resources;

  constructor(pod: Pod) {
    this.given = recalled(pod);
  }
  get isLeft(): boolean {
    return this.actuated !== undefined && !isSame(this.actuated, this.given);
  }
  isAsked({ spec }: Pod): boolean {
    return !isSame(this.given, spec?.resources);
  }
  give({ spec }: Pod): void {
    this.actuated ??= this.given ?? {};
    this.given = spec?.resources;
  }
}
/** Whether anything is told of a pod as a whole: most ask for nothing. */
export const asksForAnything = ({ spec }: Pod): boolean =>
  spec?.resources !== undefined ||
  spec?.overhead !== undefined ||
  [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some(({ resources }) => resources?.requests ?? resources?.limits); // prettier-ignore
/**
 * What is told of what a pod has as a whole, whether it says so itself or its containers do: what its node keeps for it, and
 * what its group may use now. Pure. Source: kubelet generateAPIPodStatus, convertToAPIPodLevelResourcesStatus.
 */
export function toldOf(allocated: Pod, actuated: Pod): Pick<PodStatus, 'resources' | 'allocatedResources'> {
  const allocatedResources = podQuantities(allocated, 'requests', { overhead: true });
  const own = actuated.spec?.resources;
  const shown = (which: 'requests' | 'limits'): [string, string][] =>
    Object.entries(podQuantities(actuated, which, { overhead: true })).filter(([name]) =>
      own?.[which]?.[name] !== undefined || (isResizable(name) && (which === 'requests' || isLimited(actuated, name)))); // prettier-ignore
  const [requests, limits] = [shown('requests'), shown('limits')];
  const resources = {
    ...(requests.length > 0 && { requests: Object.fromEntries(requests) }),
    ...(limits.length > 0 && { limits: Object.fromEntries(limits) }),
  };
  return {
    ...(Object.keys(allocatedResources).length > 0 && { allocatedResources }),
    ...(requests.length + limits.length > 0 && { resources }),
  };
}
type QuantityMap = Readonly<Record<string, string | number>>;
/** By its status, where a kubelet has been at it before: what it asks for now may be more than it was given. */
function recalled({ spec, status }: Pod): Resources {
  const { resources: asked, overhead } = spec ?? {};
  const { allocatedResources, resources } = status ?? {};
  if (asked === undefined || allocatedResources === undefined) return asked;
  // What is told is with what the pod's sandbox takes.
  const only = (list: QuantityMap, by: object): QuantityMap => {
    const named = Object.entries(list).filter(([name]) => name in by);
    const own = (name: string, all: string | number): string | number => (overhead?.[name] === undefined ? all : subtractQuantities(all, overhead[name]));
    return Object.fromEntries(named.map(([name, all]) => [name, own(name, all)]));
  }; // prettier-ignore
  return {
    ...asked,
    ...(asked.requests && { requests: { ...asked.requests, ...only(allocatedResources, asked.requests) } }),
    ...(asked.limits && resources?.limits && { limits: { ...asked.limits, ...only(resources.limits, asked.limits) } }),
  };
}
