import type { Scale } from '../../../schemas/generated/autoscaling-v1.ts';
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerStatus } from '../../../schemas/generated/autoscaling-v2.ts'; // prettier-ignore
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { keyOf, type GroupVersionResource } from '../../../schemas/meta/object.ts';
import { parseLabelSelector, type Selector } from '../../../schemas/meta/selectors.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import type { SyncOutput } from '../../runtime/controller-machine.ts';
import { startController, type Controller, type SyncContext } from '../../runtime/controller.ts';
import { isConflict } from '../../runtime/errors.ts';
import { kindsOf } from '../../runtime/kinds.ts';
import { horizontalPodAutoscalers, pods as podsResource } from '../../runtime/resources.ts';
import { source } from '../../runtime/source.ts';
import { BY_NAMESPACE, byNamespace } from '../../runtime/store.ts';
import type { Memory } from './behavior.ts';
import type { Readings } from './readings.ts';
import type { Observed, Told } from './reconcile.ts';

/** Nobody who has no autoscaler needs it. */
const load = async () => {
  const [logic, { createReadings }] = await Promise.all([import('./reconcile.ts'), import('./readings.ts')]);
  return { ...logic, createReadings };
};
/** Source: client-go retry.DefaultRetry. */
const ATTEMPTS = 5;

/** Changes the replicas of whatever can be scaled, so that each has so much to do. */
export function startHorizontalPodAutoscaler(deps: ControllerDeps): Controller {
  const client = deps.client('controller:horizontal-pod-autoscaler');
  const recorder = deps.recorderFor(client, 'horizontal-pod-autoscaler');
  const scalers = deps.informers.for<HorizontalPodAutoscaler>(horizontalPodAutoscalers);
  const pods = deps.informers.for<Pod>(podsResource);
  const kinds = kindsOf(deps.informers);
  pods.addIndex(BY_NAMESPACE, byNamespace);
  const memories = new Map<string, Memory>();
  /** Which pods each autoscaler goes by. */
  const selectors = new Map<string, Selector>();
  let loading: ReturnType<typeof load> | undefined;
  let readings: Readings | undefined;

  async function sync(context: SyncContext): Promise<SyncOutput> {
    const { key } = context;
    const hpa = scalers.get(key);
    if (hpa === undefined) {
      memories.delete(key);
      selectors.delete(key);
      return {};
    }
    const logic = await (loading ??= load());
    readings ??= logic.createReadings(client, kinds);
    const found = await scaleOf(hpa, context.signal);
    if ('why' in found) {
      const { status, events } = logic.unscalable(hpa, found.why, context.now);
      await tell(hpa, status, events, context);
      return { requeueAfterMs: logic.SYNC_MS };
    }
    const { gvr, scale } = found;
    const target = { hpa, scale, memory: memories.get(key) };
    const observed = logic.needsMetrics(target) ? await observe(hpa, scale, readings, context.signal) : undefined;
    const decision = logic.decide(target, observed, context.now);
    const failure = decision.rescale && (await rescale(gvr, scale, decision.desired, context.signal));
    const { status, memory, events } = logic.conclude(decision, failure, context.now);
    memories.set(key, memory);
    await tell(hpa, status, events, context);
    return { requeueAfterMs: logic.SYNC_MS };
  }
  async function scaleOf(hpa: HorizontalPodAutoscaler, signal: AbortSignal): Promise<{ readonly gvr: GroupVersionResource; readonly scale: Scale } | { readonly why: string }> {
    const { apiVersion = '', kind, name } = hpa.spec.scaleTargetRef;
    const parts = apiVersion.split('/');
    if (parts.length > 2) return { why: `unexpected GroupVersion string: ${apiVersion}` };
    const group = parts.length === 2 ? parts[0]! : '';
    const known = kinds.byKind(group, kind);
    if (known === undefined) return { why: `no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}` };
    try {
      return { gvr: known.gvr, scale: await client.get<Scale>(known.gvr, name, hpa.metadata.namespace, { subresource: 'scale', signal }) };
    } catch (error) {
      signal.throwIfAborted();
      return { why: (error as Error).message };
    }
  } // prettier-ignore
  async function observe(hpa: HorizontalPodAutoscaler, scale: Scale, from: Readings, signal: AbortSignal): Promise<Observed> {
    const text = scale.status?.selector ?? '';
    const none = { pods: [], readings: [] };
    if (text === '') {
      const problem = { event: 'SelectorRequired', reason: 'InvalidSelector', message: 'selector is required', shown: "the HPA target's scale is missing a selector" };
      return { ...none, problem };
    }
    let selector: Selector;
    try {
      selector = parseLabelSelector(text);
    } catch (error) {
      const message = `couldn't convert selector into a corresponding internal selector object: ${(error as Error).message}`;
      return { ...none, problem: { event: 'InvalidSelector', reason: 'InvalidSelector', message } };
    }
    const { namespace = '' } = hpa.metadata;
    selectors.set(keyOf(hpa), selector);
    const chosen = [...pods.byIndex(BY_NAMESPACE, namespace)].filter((pod) => selector.matches(pod.metadata.labels));
    const rivals = rivalsFor(namespace, chosen);
    if (rivals.length > 1) {
      const shown = rivals.map((name) => `{${name} ${namespace}}`).join(' ');
      const message = `pods by selector ${text} are controlled by multiple HPAs: [${shown}]`;
      return { ...none, problem: { event: 'AmbiguousSelector', reason: 'AmbiguousSelector', message } };
    }
    const all = (hpa.spec.metrics ?? []).map((spec) => from.read(spec, namespace, text, signal));
    return { pods: chosen, readings: await Promise.all(all) };
  } // prettier-ignore
  /** Names of those who go by any of these pods. */
  const rivalsFor = (namespace: string, chosen: readonly Pod[]): string[] =>
    [...selectors]
      .filter(([key]) => key.startsWith(`${namespace}/`) && scalers.get(key) !== undefined)
      .filter(([, selector]) => chosen.some((pod) => selector.matches(pod.metadata.labels)))
      .map(([key]) => key.slice(namespace.length + 1))
      .sort();
  /** Resolves with why it could not be done. */
  async function rescale(gvr: GroupVersionResource, scale: Scale, replicas: number, signal: AbortSignal): Promise<string | undefined> {
    const { name = '', namespace } = scale.metadata ?? {};
    const fence = deps.fence?.();
    let latest = scale;
    for (let attempt = 1; ; attempt++) {
      try {
        const wanted = { ...latest, metadata: { ...latest.metadata }, spec: { ...latest.spec, replicas } };
        await client.update(gvr, wanted, { subresource: 'scale', signal, ...(fence && { fence }) });
        return undefined;
      } catch (error) {
        signal.throwIfAborted();
        if (!isConflict(error) || attempt === ATTEMPTS) return (error as Error).message;
        latest = await client.get<Scale>(gvr, name, namespace, { subresource: 'scale', signal }).catch(() => latest);
      }
    }
  } // prettier-ignore
  async function tell(hpa: HorizontalPodAutoscaler, status: HorizontalPodAutoscalerStatus, events: readonly Told[], { execute, signal }: SyncContext): Promise<void> {
    for (const { type, reason, message } of events) recorder.event(hpa, type, reason, message);
    if (equal(hpa.status, status)) return;
    try {
      await execute([{ op: 'update', gvr: horizontalPodAutoscalers, object: { ...hpa, status } as HorizontalPodAutoscaler, subresource: 'status' }]);
    } catch (error) {
      signal.throwIfAborted();
      recorder.event(hpa, 'Warning', 'FailedUpdateStatus', (error as Error).message);
    }
  } // prettier-ignore

  return startController({
    name: 'horizontal-pod-autoscaler',
    ...deps,
    client,
    recorder,
    reads: [pods],
    synced: () => kinds.synced,
    sources: [
      // What it says of itself is no reason to look again before the time comes.
      source(scalers, (hpa, old) => (old !== undefined && equal(old.spec, hpa.spec) ? [] : [keyOf(hpa)])),
    ],
    onActive: () => {
      memories.clear();
      selectors.clear();
    },
    sync,
  });
}
