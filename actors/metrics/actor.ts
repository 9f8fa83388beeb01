import { fromPromise } from 'xstate';
import type { Bus, ServedSubscription, Session } from '../../bus/bus.ts';
import type { ExtensionAnswerHead, ExtensionRequest } from '../../bus/protocol/extension.ts';
import type { StatsSummary } from '../../bus/protocol/node.ts';
import * as subjects from '../../bus/subjects.ts';
import type { World } from '../../bus/world.ts';
import type { Node, Pod } from '../../schemas/generated/core-v1.ts';
import { GROUP, resourceList } from '../../schemas/metrics/discovery.ts';
import { ApiError, reasonOf, toStatus } from '../../schemas/meta/status.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { createApiClient } from '../runtime/client.ts';
import type { Component } from '../runtime/component.ts';
import { createInspection } from '../runtime/inspection.ts';
import { nodes, pods } from '../runtime/resources.ts';
import { startActor } from '../runtime/start-actor.ts';
import { metricsMachine } from './machine.ts';
import { inOrder, nodeMetrics, podMetrics, tableOf, type Metrics } from './objects.ts';
import { present, presentOf, type Present } from './present.ts';
import { read, type Wanted } from './request.ts';
import { createScraper } from './scrape.ts';

/** A node that takes longer has no metrics. */
const NODE_MS = 3_000;
/** What a node said of pods counts for so long where it does not know one of them. */
const FRESH_MS = 1_000;
const FRAME_BYTES = 64 * 1024;
const encoder = new TextEncoder();

export interface MetricsOptions {
  readonly world: World;
  readonly bus: Bus;
  readonly id: string;
  /** Default: over the bus as caller `metrics`. */
  readonly client?: ApiClient | undefined;
}

/**
 * Serves `metrics.k8s.io`, asked by the API server in place of an aggregated server: what nodes and pods use, as their
 * kubelets say when somebody wants to know. Any number may run; none knows anything that another needs.
 */
export function startMetrics({ world, bus, id, ...o }: MetricsOptions): Component {
  const component = 'metrics';
  const client = o.client ?? createApiClient(bus, world, component);
  const inspection = createInspection({ world, bus, component, id });
  const scraper = createScraper(world, (node) =>
    bus.request<StatsSummary>(subjects.node(node, 'stats'), {}, { timeoutMs: NODE_MS }),
  );
  const answering = new Set<Promise<void>>();
  let door: ServedSubscription | undefined;

  async function one(wanted: Wanted & { of: 'one' }): Promise<Metrics> {
    const { resource, name, namespace } = wanted;
    const gvr = resource === 'nodes' ? nodes : pods;
    const object = await client.get<Node | Pod>(gvr, name, resource === 'pods' ? namespace : undefined).catch(notThere);
    const [found] = await measured(resource, [presentOf(object)]);
    if (found !== undefined) return found;
    const kind = resource === 'nodes' ? 'nodemetrics' : 'podmetrics';
    const shown = resource === 'nodes' ? name : `${namespace}/${name}`;
    throw new ApiError('NotFound', `${kind}.${GROUP} "${shown}" not found`, {
      details: { name: shown, group: GROUP, kind },
    });
  }
  async function list(wanted: Wanted & { of: 'list' }): Promise<Metrics[]> {
    const { resource, namespace, labelSelector, fieldSelector } = wanted;
    const objects = await present(client, resource === 'nodes' ? nodes : pods, {
      ...(namespace !== '' && { namespace }),
      labelSelector,
      fieldSelector,
    });
    return inOrder(await measured(resource, objects));
  }
  async function measured(resource: 'nodes' | 'pods', objects: readonly Present[]): Promise<Metrics[]> {
    const running = objects.filter(({ isRunning, node }) => isRunning && node !== '');
    const usages = new Map(await scraper.read(running.map(({ node }) => node)));
    const now = world.clock.now();
    const metricsOf = resource === 'nodes' ? nodeMetrics : podMetrics;
    const told = (object: Present): Metrics | undefined => metricsOf(object, usages.get(object.node), now);
    // Of pods that have come since their node was asked nothing is known yet.
    const unknown = resource === 'nodes' ? [] : running.filter((pod) => told(pod) === undefined);
    if (unknown.length > 0)
      for (const [node, usage] of await scraper.read(unknown.map(({ node }) => node), FRESH_MS)) usages.set(node, usage); // prettier-ignore
    return running.flatMap((object) => told(object) ?? []);
  }
  async function answer(wanted: Wanted): Promise<object> {
    if (wanted.of === 'resources') return resourceList();
    if (wanted.of === 'document') return (await import('../../schemas/metrics/openapi.ts')).openApiV3();
    if (wanted.of === 'one') {
      const found = await one(wanted);
      return wanted.table === undefined ? found : tableOf([found], wanted.table);
    }
    const items = await list(wanted);
    if (wanted.table !== undefined) return tableOf(items, wanted.table);
    const kind = wanted.resource === 'nodes' ? 'NodeMetricsList' : 'PodMetricsList';
    return { kind, apiVersion: `${GROUP}/v1beta1`, metadata: {}, items };
  }
  async function serve(request: ExtensionRequest, session: Session): Promise<void> {
    let status = 200;
    let body: object;
    try {
      const wanted = read(request);
      if (wanted.of === 'one' || wanted.of === 'list') actor.send({ type: 'metrics.asked' });
      body = await answer(wanted);
    } catch (error) {
      if (reasonOf(error) === undefined) world.log.error('metrics could not be told', { err: error });
      body = toStatus(error);
      status = toStatus(error).code;
    }
    const bytes = encoder.encode(`${JSON.stringify(body)}\n`);
    const headers = ['Content-Type', 'application/json', 'Content-Length', String(bytes.length)];
    await session.send({ status, headers } satisfies ExtensionAnswerHead);
    for (let at = 0; at < bytes.length; at += FRAME_BYTES) await session.send(bytes.subarray(at, at + FRAME_BYTES));
    session.close();
  }
  const accept = (request: ExtensionRequest, session: Session): void => {
    // Who asked may have gone meanwhile.
    const done: Promise<void> = serve(request, session)
      .catch((error: unknown) => session.close(toStatus(error)))
      .finally(() => answering.delete(done));
    answering.add(done);
  };
  const actor = startActor(
    metricsMachine.provide({
      actors: {
        finishAnswers: fromPromise<void>(async () => void (await Promise.all(answering))),
      },
      actions: {
        openDoor: () => {
          door = bus.serveSessions(subjects.extension(component), component, ({ body }, session) =>
            accept(body as ExtensionRequest, session),
          );
        },
        closeDoor: () => door?.unsubscribe(),
        forgetMeasurements: () => scraper.forget(),
      },
    }),
    { world, id: component, machine: 'metrics', inspection },
  );
  return {
    name: component,
    id,
    ready: Promise.resolve(),
    state: () => actor.state(),
    async stop() {
      actor.send({ type: 'stop' });
      await actor.done;
      inspection.close();
    },
  };
}
/** Of nodes a metrics-server knows by a cache that says it in the singular. Source: client-go listers/core/v1 node.go. */
function notThere(error: unknown): never {
  const { details } = toStatus(error);
  if (reasonOf(error) !== 'NotFound' || details?.kind !== 'nodes') throw error;
  throw new ApiError('NotFound', `node "${details.name}" not found`, { details: { ...details, kind: 'node' } });
}
