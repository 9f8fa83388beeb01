import type { FlowSchema, PriorityLevelConfiguration } from '../../../schemas/generated/flowcontrol-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { attempt, ensureAll, resourceOf, type Ground } from './ensure.ts';
import * as objects from './objects.ts';

/** Source: apiserver pkg/apis/flowcontrol/bootstrap; kubernetes pkg/registry/flowcontrol/ensurer. */
const PRODUCER = 'api-priority-and-fairness-config-producer-v1';
const AUTOUPDATE = 'apf.kubernetes.io/autoupdate-spec';
/** Their spec is always what it should be, whatever is said of them. */
const MANDATORY: ReadonlySet<string> = new Set(['exempt', 'catch-all']);

type Configuration = FlowSchema | PriorityLevelConfiguration;
/** Go's strconv.ParseBool; undefined: it is neither. */
function boolean(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  return ['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text) ? false : undefined;
}

/** What a present object should be; undefined: what it is. Who says nothing, and has changed nothing, is kept up to date. */
export function revised<T extends Configuration>(present: T, wanted: T): T | undefined {
  const { name = '', generation, annotations } = present.metadata;
  const said = boolean(annotations?.[AUTOUPDATE]);
  const isKept = MANDATORY.has(name) || (said ?? generation === 1);
  const hasSpec = !isKept || contains(present.spec, specFor(present, wanted));
  if (hasSpec && said === isKept) return undefined;
  const metadata = { ...present.metadata, annotations: { ...annotations, [AUTOUPDATE]: String(isKept) } };
  return { ...present, metadata, ...(!hasSpec && { spec: wanted.spec }) };
}
/** How many seats the exempt have is for operators to say. */
function specFor(present: Configuration, { spec }: Configuration): unknown {
  if (spec === undefined || !('exempt' in spec)) return spec;
  return {
    ...spec,
    exempt: present.spec !== undefined && 'exempt' in present.spec && present.spec.exempt ? {} : spec.exempt,
  };
}

/** Makes and mends the FlowSchemas and priority levels that there always are, and removes those that there were once. */
export async function keepFlow(ground: Ground): Promise<void> {
  const loopback = ground.loopback.as(PRODUCER);
  const own = { ...ground, loopback };
  const keep = async <T extends Configuration>(name: string, list: readonly T[]): Promise<void> => {
    const resource = resourceOf(ground, { group: 'flowcontrol.apiserver.k8s.io', version: 'v1', resource: name });
    await ensureAll<T>(own, resource, list, revised);
    const names = new Set(list.map(({ metadata }) => metadata.name));
    for (const { metadata } of ground.cache.list<KubeObject>(resource))
      if (boolean(metadata.annotations?.[AUTOUPDATE]) === true && !names.has(metadata.name))
        await attempt(ground, () => loopback.delete(resource, '', metadata.name ?? ''));
  };
  await Promise.all([
    keep('prioritylevelconfigurations', objects.priorityLevels()),
    keep('flowschemas', objects.flowSchemas()),
  ]);
}

/** True if all that `wanted` says is so; defaults that the server filled in do not count. */
export function contains(present: unknown, wanted: unknown): boolean {
  if (typeof wanted !== 'object' || wanted === null) return present === wanted;
  if (Array.isArray(wanted))
    return (
      Array.isArray(present) && present.length === wanted.length && wanted.every((v, i) => contains(present[i], v))
    );
  if (typeof present !== 'object' || present === null) return false;
  return Object.entries(wanted).every(([key, value]) => contains((present as Record<string, unknown>)[key], value));
}
