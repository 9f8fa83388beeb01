import type { APIService } from '../../../schemas/generated/apiregistration-v1.ts';
import type { FlowSchema } from '../../../schemas/generated/flowcontrol-v1.ts';
import { apiVersionOf, type DynamicObject, type KubeObject } from '../../../schemas/meta/object.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Resource } from '../../../schemas/resource.ts';
import { attempt, resourceOf, type Ground } from './ensure.ts';

const FLOW = { group: 'flowcontrol.apiserver.k8s.io', version: 'v1' };

/** Source: apiserver pkg/util/flowcontrol ConfigConsumerAsFieldManager. */
const FLOW_CONSUMER = 'api-priority-and-fairness-config-consumer-v1';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}
interface WithConditions extends KubeObject {
  status?: { conditions?: { type: string; status: string; reason?: string; message?: string }[] };
}
const same = (object: WithConditions, wanted: Condition): boolean => {
  const present = object.status?.conditions?.find((c) => c.type === wanted.type);
  return (
    present?.status === wanted.status && present.reason === wanted.reason && (present.message ?? '') === wanted.message
  );
};

/**
 * Conditions that the API server itself keeps: whether a FlowSchema's priority level exists, whether an APIService is
 * served. Follows changes; a burst of them is worked off once. Returns what stops it.
 * Source: apiserver pkg/util/flowcontrol/apf_controller.go, kube-aggregator pkg/controllers/status.
 */
export function keepConditions(ground: Ground): { readonly settled: () => Promise<void>; readonly stop: () => void } {
  const { cache, loopback, world } = ground;
  const flowSchemas = resourceOf(ground, { ...FLOW, resource: 'flowschemas' });
  const levels = resourceOf(ground, { ...FLOW, resource: 'prioritylevelconfigurations' });
  const apiServices = resourceOf(ground, { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' });
  const work = new Map<string, () => Promise<void>>();
  let running: Promise<void> | undefined;
  let stopped = false;

  const conditionOf = (object: WithConditions, { type, status, reason, message }: Condition) => {
    const kept = object.status?.conditions?.find((c) => c.type === type && c.status === status) as
      { lastTransitionTime?: string } | undefined;
    return {
      type,
      status,
      lastTransitionTime: kept?.lastTransitionTime ?? formatTime(world.clock.now()),
      reason,
      message,
    };
  };
  const consumer = loopback.as(FLOW_CONSUMER);
  const applyTo = async (resource: Resource, object: WithConditions, wanted: Condition): Promise<void> => {
    if (same(object, wanted)) return;
    const config = {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      metadata: { name: object.metadata.name },
      status: { conditions: [conditionOf(object, wanted)] },
    };
    await attempt(ground, () => consumer.apply(resource, config, 'status'));
  };
  const write = async (resource: Resource, object: WithConditions, wanted: Condition): Promise<void> => {
    if (same(object, wanted)) return;
    const before = object.status?.conditions ?? [];
    const conditions = [...before.filter((c) => c.type !== wanted.type), conditionOf(object, wanted)];
    await attempt(ground, () =>
      loopback.update(resource, { ...object, status: { ...object.status, conditions } } as KubeObject, 'status'),
    );
  };
  const flow = async (name: string): Promise<void> => {
    const schema = cache.get<FlowSchema>(flowSchemas, '', name);
    if (schema === undefined) return;
    const level = schema.spec?.priorityLevelConfiguration.name ?? '';
    const exists = cache.get(levels, '', level) !== undefined;
    const text = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`;
    await applyTo(flowSchemas, schema as WithConditions, {
      type: 'Dangling',
      status: exists ? 'False' : 'True',
      reason: exists ? 'Found' : 'NotFound',
      message: exists ? `${text} and it exists` : `${text} but there is no such object`,
    });
  };
  const available = async (name: string): Promise<void> => {
    const service = cache.get<APIService>(apiServices, '', name);
    if (service === undefined) return;
    const condition = availability(service);
    if (condition !== undefined) await write(apiServices, service as WithConditions, condition);
  };

  const run = async (): Promise<void> => {
    while (work.size > 0 && !stopped) {
      const batch = [...work.values()];
      work.clear();
      const outcomes = await Promise.allSettled(batch.map((job) => job()));
      for (const outcome of outcomes)
        if (outcome.status === 'rejected')
          world.log.warn('a condition could not be written', { err: outcome.reason as unknown });
    }
    running = undefined;
  };
  const enqueue = (key: string, job: () => Promise<void>): void => {
    work.set(key, job);
    // After the current turn: changes come many at a time.
    running ??= Promise.resolve().then(run);
  };
  const onFlow = (o: DynamicObject): void => {
    const name = o.metadata.name ?? '';
    enqueue(`flow/${name}`, () => flow(name));
  };
  const onApi = (o: { metadata: { name?: string | undefined } }): void => {
    const name = o.metadata.name ?? '';
    enqueue(`api/${name}`, () => available(name));
  };
  const stops = [
    cache.onChange(flowSchemas, (object) => object && onFlow(object)),
    cache.onChange(levels, (object, old) => {
      // Only coming and going matters to those that refer to it.
      if (object !== undefined && old !== undefined) return;
      const name = (object ?? old)?.metadata.name;
      for (const schema of cache.list(flowSchemas))
        if ((schema['spec'] as FlowSchema['spec'])?.priorityLevelConfiguration.name === name) onFlow(schema);
    }),
    cache.onChange(apiServices, (object) => object && onApi(object)),
  ];
  for (const schema of cache.list(flowSchemas)) onFlow(schema);
  for (const api of cache.list<APIService>(apiServices)) onApi(api);
  return {
    settled: async () => {
      while (running !== undefined) await running;
    },
    stop() {
      stopped = true;
      for (const stop of stops) stop();
    },
  };
}

/** undefined: another server has it (actors/apiserver/aggregation looks after it). */
const availability = (api: APIService): Condition | undefined =>
  api.spec?.service
    ? undefined
    : { type: 'Available', status: 'True', reason: 'Local', message: 'Local APIServices are always available' };
