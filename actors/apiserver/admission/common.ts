import type { KubeObject } from '../../../schemas/meta/object.ts';
import type { ApiError } from '../../../schemas/meta/status.ts';
import type { Registry, Resource } from '../../../schemas/resource.ts';
import type { World } from '../../../bus/world.ts';
import { pathSegment } from '../../../schemas/meta/names.ts';
import { forbiddenObject } from '../authorization/forbidden.ts';
import type { Metrics } from '../metrics/index.ts';
import type { Outbound } from '../../runtime/outbound/outbound.ts';
import type { AdmissionAttributes, Authorizer, CacheReader, Loopback, Operation } from '../request.ts';

/** What plugins may use. */
export interface AdmissionContext {
  readonly registry: Registry;
  readonly cache: CacheReader;
  readonly loopback: Loopback;
  readonly world: World;
  readonly authorizer: Authorizer;
  /** Resolves when the cache holds all that was committed before the call; a plugin asks before it says "not found". */
  readonly fresh: () => Promise<void>;
  /** Asks webhooks. */
  readonly outbound: Outbound;
  readonly metrics?: Metrics | undefined;
}

export const operations = (...list: readonly Operation[]): ReadonlySet<Operation> => new Set(list);
/** True for the resource itself, not for a subresource of it. */
export const isOn = (a: AdmissionAttributes, group: string, resource: string, subresource = ''): boolean =>
  a.resource.resource === resource && a.resource.group === group && (a.subresource?.name ?? '') === subresource;

/** As refusals name it: names are generated after admission. Source: apiserver pkg/admission/errors.go. */
const nameOf = (a: AdmissionAttributes): string =>
  a.name || a.object?.metadata?.name || a.object?.metadata?.generateName || 'Unknown';
export const forbid = (a: AdmissionAttributes, why: string): ApiError =>
  forbiddenObject(a.resource.group, a.resource.resource, nameOf(a), why);

/** From the cache, and once more after a barrier if it is not there. */
export async function find<T extends KubeObject>(
  context: AdmissionContext,
  resource: Resource,
  namespace: string,
  name: string,
): Promise<T | undefined> {
  const known = context.cache.get<T>(resource, namespace, name);
  if (known !== undefined) return known;
  await context.fresh();
  return context.cache.get<T>(resource, namespace, name);
}
/** What client-go has to say of a name before it asks anybody. Source: client-go rest/request.go Name. */
export function unaskable(name: string): string | undefined {
  if (name === '') return 'resource name may not be empty';
  const problems = pathSegment(name);
  return problems.length === 0 ? undefined : `invalid resource name ${JSON.stringify(name)}: [${problems.join(' ')}]`;
}
export function kind(context: Pick<AdmissionContext, 'registry'>, group: string, resource: string): Resource {
  const found = context.registry.lookup({ group, version: 'v1', resource });
  if (found === undefined) throw new Error(`${resource}.${group} is not served`);
  return found;
}
/** Newest first, then by name: how a default class is chosen among several. */
export function newest<T extends KubeObject>(objects: readonly T[]): T | undefined {
  const time = (o: T): string => o.metadata.creationTimestamp ?? '';
  return objects.toSorted(
    (a, b) => time(b).localeCompare(time(a)) || (a.metadata.name ?? '').localeCompare(b.metadata.name ?? ''),
  )[0];
}
export const MIRROR = 'kubernetes.io/config.mirror';
