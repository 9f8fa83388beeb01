import { beforeEach, describe, expect, it } from 'vitest';
import type { Deployment } from '../../../schemas/generated/apps-v1.ts';
import type { Scale } from '../../../schemas/generated/autoscaling-v1.ts';
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec } from '../../../schemas/generated/autoscaling-v2.ts'; // prettier-ignore
import type { Event, Pod } from '../../../schemas/generated/core-v1.ts';
import type { GroupVersionResource, KubeObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { ApiClient, CallOptions, ListOptions } from '../../runtime/api-client.ts';
import { deployments, events, horizontalPodAutoscalers, pods } from '../../runtime/resources.ts';
import { testCluster, type TestCluster } from '../../runtime/testing/cluster.ts';
import { startHorizontalPodAutoscaler } from './actor.ts';

const METRICS = /(^|\.)metrics\.k8s\.io$/;
type Answer = (asked: {
  readonly gvr: GroupVersionResource;
  readonly name: string;
  readonly o: CallOptions & ListOptions;
}) => unknown;
let c: TestCluster;
/** What the metrics APIs say. */
let answer: Answer;
let cpu: string;
/** Why the target's scale cannot be written. */
let refuses: (() => void) | undefined;

/** Of a Deployment, as the API server makes it. */
const scaleOf = ({ metadata, spec, status }: Deployment): Scale => ({
  apiVersion: 'autoscaling/v1',
  kind: 'Scale',
  metadata: { name: metadata.name!, namespace: metadata.namespace! },
  spec: { replicas: spec?.replicas ?? 0 },
  status: { replicas: status?.replicas ?? spec?.replicas ?? 0, selector: metadata.annotations?.['selector'] ?? `app=${metadata.name}` },
}); // prettier-ignore
/** The fake API, with scales, and other API servers for metrics. */
function clientOf(own: ApiClient): ApiClient {
  return {
    ...own,
    async get<T extends KubeObject>(gvr: GroupVersionResource, name: string, namespace?: string, o: CallOptions = {}) {
      if (METRICS.test(gvr.group)) return answer({ gvr, name, o }) as T;
      if (o.subresource !== 'scale') return own.get<T>(gvr, name, namespace, o);
      return scaleOf(await own.get<Deployment>(gvr, name, namespace)) as unknown as T;
    },
    async list<T extends KubeObject>(gvr: GroupVersionResource, o: ListOptions = {}) {
      return METRICS.test(gvr.group) ? (answer({ gvr, name: '', o }) as never) : own.list<T>(gvr, o);
    },
    async update<T extends KubeObject>(gvr: GroupVersionResource, object: T, o: CallOptions = {}) {
      if (o.subresource !== 'scale') return own.update(gvr, object, o);
      refuses?.();
      const { name, namespace } = object.metadata;
      const replicas = (object as unknown as Scale).spec!.replicas!;
      await own.patch(gvr, name!, namespace, 'merge', { spec: { replicas } });
      return object;
    },
  };
}
/** Of all pods of the target. */
const podMetrics: Answer = () => ({
  items: c.list<Pod>(pods, 'd').map(({ metadata }) => ({
    metadata,
    timestamp: formatTime(c.world.clock.now()),
    window: '10s',
    containers: [{ name: 'web', usage: { cpu } }],
  })),
});
const utilization = (percent: number): MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } },
});
const hpaOf = (spec: Partial<HorizontalPodAutoscalerSpec>, name = 'web'): HorizontalPodAutoscaler => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name, namespace: 'd' },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
    minReplicas: 1,
    maxReplicas: 10,
    metrics: [utilization(50)],
    ...spec,
  },
});
const target = (): Deployment => c.api.object<Deployment>(deployments, 'd/web')!;
const status = (name = 'web') => c.api.object<HorizontalPodAutoscaler>(horizontalPodAutoscalers, `d/${name}`)!.status;
const condition = (type: string, name = 'web') => {
  const found = status(name)?.conditions?.find((one) => one.type === type);
  return found && `${found.status} ${found.reason}: ${found.message}`;
};
const told = () => c.list<Event>(events, 'd').map((e) => `${e.type} ${e.reason}: ${e.message}`);
/** As many pods as the target wants, ready for long. */
async function havePods(): Promise<void> {
  const wanted = target().spec?.replicas ?? 0;
  const present = c.list<Pod>(pods, 'd');
  const long = formatTime(c.world.clock.now() - 3_600_000);
  for (let i = present.length; i < wanted; i++)
    await c.client.create<Pod>(pods, {
      apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${i}`, namespace: 'd', labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', resources: { requests: { cpu: '100m' } } }] },
      status: { phase: 'Running', startTime: long, conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: long }] },
    }); // prettier-ignore
  for (const { metadata } of present.slice(wanted))
    await c.client.delete(pods, metadata.name!, 'd', { gracePeriodSeconds: 0 });
}
async function deploy(replicas: number, annotations?: Record<string, string>): Promise<void> {
  await c.client.create<Deployment>(deployments, {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'd', ...(annotations && { annotations }) },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: { metadata: {}, spec: { containers: [] } } },
  }); // prettier-ignore
  await havePods();
}
/** Lazily loaded parts come from the disk: real time passes. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    await c.world.settle();
  }
}
const begin = async (hpa: HorizontalPodAutoscaler): Promise<void> => {
  await import('./reconcile.ts');
  await import('./readings.ts');
  await c.client.create(horizontalPodAutoscalers, hpa);
  c.start((deps) => startHorizontalPodAutoscaler({ ...deps, client: (caller) => clientOf(deps.client(caller)) }));
  await settled();
};
/** The pods follow, and then a look is taken. */
const rounds = async (n: number): Promise<number[]> => {
  const seen: number[] = [];
  for (let i = 0; i < n; i++) {
    await havePods();
    await c.world.advance(15_000);
    await settled();
    seen.push(target().spec!.replicas!);
  }
  return seen;
};
beforeEach(() => {
  c = testCluster();
  answer = podMetrics;
  cpu = '50m';
  refuses = undefined;
});

describe('an autoscaler', () => {
  it('has as many replicas as there is to do, at once where there is more and after five minutes where there is less', async () => {
    await deploy(1);
    cpu = '200m';
    await begin(hpaOf({}));
    expect(target().spec?.replicas).toBe(4);
    expect(await rounds(2)).toEqual([8, 10]);
    expect(condition('ScalingLimited')).toBe('True TooManyReplicas: the desired replica count is more than the maximum replica count');
    cpu = '10m';
    const down = await rounds(22);
    expect(down.slice(0, 19).every((n) => n === 10)).toBe(true);
    expect(down.at(-1)).toBe(2);
    expect(told()).toEqual([
      'Normal SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target',
      'Normal SuccessfulRescale: New size: 8; reason: cpu resource utilization (percentage of request) above target',
      'Normal SuccessfulRescale: New size: 10; reason: cpu resource utilization (percentage of request) above target',
      'Normal SuccessfulRescale: New size: 2; reason: All metrics below target',
    ]);
  }); // prettier-ignore
  it('says what it sees, and writes nothing more while that is so', async () => {
    await deploy(2);
    await begin(hpaOf({}));
    expect(status()).toMatchObject({
      currentReplicas: 2,
      desiredReplicas: 2,
      currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 50, averageValue: '50m' } } }],
    });
    expect(['AbleToScale', 'ScalingActive', 'ScalingLimited'].map((type) => condition(type))).toEqual([
      'True ReadyForNewScale: recommended size matches current size',
      'True ValidMetricFound: the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)',
      'False DesiredWithinRange: the desired count is within the acceptable range',
    ]);
    const before = c.api.calls.filter(({ verb }) => verb === 'update').length;
    await rounds(3);
    expect(c.api.calls.filter(({ verb }) => verb === 'update').length).toBe(before);
  }); // prettier-ignore
  it('goes by its policies', async () => {
    await deploy(2);
    cpu = '500m';
    const rules = { selectPolicy: 'Max', stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 1, periodSeconds: 30 }] };
    await begin(hpaOf({ behavior: { scaleUp: rules, scaleDown: { ...rules, selectPolicy: 'Disabled' } } }));
    expect(target().spec?.replicas).toBe(3);
    expect(await rounds(4)).toEqual([3, 4, 4, 5]);
    cpu = '1m';
    expect(await rounds(2)).toEqual([5, 5]);
    expect(condition('ScalingLimited')).toBe('True ScaleDownLimit: the desired replica count is decreasing faster than the maximum scale rate');
  }); // prettier-ignore
  it('stops looking when it is gone', async () => {
    await deploy(1);
    await begin(hpaOf({}));
    await c.client.delete(horizontalPodAutoscalers, 'web', 'd');
    await settled();
    const before = c.api.calls.length;
    await c.world.advance(60_000);
    await settled();
    expect(c.api.calls.length).toBe(before);
  });
  it.each([
    ['below its bounds', 1, { minReplicas: 3 }, 3, 'Current number of replicas below Spec.MinReplicas'],
    ['above them', 12, {}, 10, 'Current number of replicas above Spec.MaxReplicas'],
  ])('comes within its bounds from %s without a look at metrics', async (_, replicas, spec, expected, reason) => {
    await deploy(replicas);
    answer = () => expect.unreachable();
    await begin(hpaOf(spec));
    expect(target().spec?.replicas).toBe(expected);
    expect(told()).toEqual([`Normal SuccessfulRescale: New size: ${expected}; reason: ${reason}`]);
    expect(condition('AbleToScale')).toBe(`True SucceededRescale: the HPA controller was able to update the target scale to ${expected}`); // prettier-ignore
  });
  it('leaves what was scaled to nothing', async () => {
    await deploy(0);
    await begin(hpaOf({}));
    expect(target().spec?.replicas).toBe(0);
    expect(condition('ScalingActive')).toBe('False ScalingDisabled: scaling is disabled since the replica count of the target is zero'); // prettier-ignore
  });
});

const NOT_SERVED = (): never => {
  throw new ApiError('NotFound', 'the server could not find the requested resource');
};
const custom = (values: readonly object[]): Answer => () => ({ items: values }); // prettier-ignore
const byObject: MetricSpec = { type: 'Object', object: { describedObject: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'main' }, metric: { name: 'rps' }, target: { type: 'Value', value: '1k' } } }; // prettier-ignore
const byPods: MetricSpec = { type: 'Pods', pods: { metric: { name: 'rps', selector: { matchLabels: { path: 'x' } } }, target: { type: 'AverageValue', averageValue: '10' } } }; // prettier-ignore
const external: MetricSpec = { type: 'External', external: { metric: { name: 'queue', selector: { matchLabels: { q: 'a' } } }, target: { type: 'AverageValue', averageValue: '30' } } }; // prettier-ignore
const ofContainer: MetricSpec = { type: 'ContainerResource', containerResource: { name: 'cpu', container: 'web', target: { type: 'AverageValue', averageValue: '20m' } } }; // prettier-ignore

describe('metrics', () => {
  it.each<[string, MetricSpec, Answer, number, object]>([
    ['of a container', ofContainer, podMetrics, 4, { type: 'ContainerResource', containerResource: { name: 'cpu', container: 'web', current: { averageValue: '50m' } } }],
    ['of an object', byObject, custom([{ value: '1600' }]), 4, { type: 'Object', object: { metric: { name: 'rps' }, current: { value: '1600' } } }],
    ['of pods', byPods, custom([{ describedObject: { name: 'p0' }, value: '20' }, { describedObject: { name: 'p1' }, value: '10' }]), 3, { type: 'Pods', pods: { current: { averageValue: '15' } } }],
    ['of something outside', external, custom([{ value: '100' }, { value: '20500m' }]), 4, { type: 'External', external: { current: { averageValue: '60250m' } } }],
  ])('%s', async (_, spec, says, replicas, shown) => {
    await deploy(2);
    answer = says;
    await begin(hpaOf({ metrics: [spec] }));
    expect(target().spec?.replicas).toBe(replicas);
    expect(status()?.currentMetrics).toMatchObject([shown]);
  }); // prettier-ignore
  it('are asked for where they are', async () => {
    await deploy(2);
    const asked: string[] = [];
    answer = ({ gvr, name, o }) => {
      asked.push(`${gvr.group}/${gvr.version} ${gvr.resource} ${name} ${o.subresource ?? ''} ${JSON.stringify(o.query ?? o.labelSelector)}`);
      if (gvr.version === 'v1beta2') return NOT_SERVED();
      return { items: [{ value: '1', metadata: {}, describedObject: { name: 'p0' } }] };
    };
    await begin(hpaOf({ metrics: [byObject, byPods, external, utilization(1)] }));
    expect(asked.toSorted()).toEqual([
      'custom.metrics.k8s.io/v1beta1 ingresses.networking.k8s.io main rps {}',
      'custom.metrics.k8s.io/v1beta1 pods * rps {"labelSelector":"app=web","metricLabelSelector":"path=x"}',
      'custom.metrics.k8s.io/v1beta2 ingresses.networking.k8s.io main rps {}',
      'custom.metrics.k8s.io/v1beta2 pods * rps {"labelSelector":"app=web","metricLabelSelector":"path=x"}',
      'external.metrics.k8s.io/v1beta1 queue   "q=a"',
      'metrics.k8s.io/v1beta1 pods   "app=web"',
    ]);
  }); // prettier-ignore
  it.each<[string, MetricSpec, Answer, string, string, string]>([
    ['nobody serves', utilization(50), NOT_SERVED, 'FailedGetResourceMetric', 'failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource metrics API: the server could not find the requested resource (get pods.metrics.k8s.io)', 'failed to get cpu resource metric value: '],
    ['there are none of', utilization(50), custom([]), 'FailedGetResourceMetric', 'failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API', 'failed to get cpu resource metric value: '],
    ['there are of other pods', utilization(50), custom([{ metadata: { name: 'other' }, containers: [{ name: 'web', usage: { cpu: '1' } }] }]), 'FailedGetResourceMetric', 'failed to get cpu utilization: no metrics returned matched known pods', 'failed to get cpu resource metric value: '],
    ['nobody serves for pods', byPods, NOT_SERVED, 'FailedGetPodsMetric', 'unable to get metric rps: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered', 'failed to get pods metric value: '],
    ['nobody serves for objects', byObject, NOT_SERVED, 'FailedGetObjectMetric', 'unable to get metric rps: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered on Ingress d/main', 'failed to get object metric value: '],
    ['there are two of', byObject, custom([{}, {}]), 'FailedGetObjectMetric', 'unable to get metric rps: unable to fetch metrics from custom metrics API: the custom metrics API server returned 2 results when we asked for exactly one on Ingress d/main', 'failed to get object metric value: '],
    ['are outside and away', external, NOT_SERVED, 'FailedGetExternalMetric', 'unable to get external metric d/queue/&LabelSelector{MatchLabels:map[string]string{q: a,},MatchExpressions:[]LabelSelectorRequirement{},}: unable to fetch metrics from external metrics API: the server could not find the requested resource (get queue.external.metrics.k8s.io)', 'failed to get queue external metric value: failed to get queue external metric: '],
  ])('that %s change nothing', async (_, spec, says, reason, why, outer) => {
    await deploy(2);
    answer = says;
    await begin(hpaOf({ metrics: [spec] }));
    expect(target().spec?.replicas).toBe(2);
    expect(condition('ScalingActive')).toBe(`False ${reason}: the HPA was unable to compute the replica count: ${why}`);
    expect(told()).toEqual([
      `Warning ${reason}: ${why}`,
      `Warning FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: ${outer}${why}`,
    ]);
    expect(status()).toMatchObject({ currentReplicas: 2, desiredReplicas: 0, currentMetrics: [{ type: '' }] });
  }); // prettier-ignore
  it('that fail do not keep others from adding replicas, but from taking them away', async () => {
    await deploy(2);
    answer = (asked) => (asked.gvr.group === 'metrics.k8s.io' ? podMetrics(asked) : NOT_SERVED());
    cpu = '90m';
    await begin(hpaOf({ metrics: [byPods, utilization(50)] }));
    expect(target().spec?.replicas).toBe(4);
    cpu = '1m';
    await rounds(1);
    expect(condition('ScalingActive')).toMatch(/^False FailedGetPodsMetric: /);
  });
  it('are needed of a container that requests something', async () => {
    await deploy(1);
    await c.client.patch(pods, 'p0', 'd', 'merge', { spec: { containers: [{ name: 'web' }] } });
    await begin(hpaOf({}));
    expect(condition('ScalingActive')).toBe('False FailedGetResourceMetric: the HPA was unable to compute the replica count: failed to get cpu utilization: missing request for cpu in container web of Pod p0'); // prettier-ignore
  });
});

describe('a target', () => {
  it.each([
    ['that is not there', { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gone' }, 'deployments "gone" not found'],
    ['of a kind that is not there', { apiVersion: 'x.io/v1', kind: 'Thing', name: 'web' }, 'no matches for kind "Thing" in group "x.io"'],
    ['of no version', { apiVersion: 'a/b/c', kind: 'Thing', name: 'web' }, 'unexpected GroupVersion string: a/b/c'],
  ])('%s is told of', async (_, scaleTargetRef, why) => {
    await deploy(1);
    await begin(hpaOf({ scaleTargetRef }));
    expect(condition('AbleToScale')).toBe(`False FailedGetScale: the HPA controller was unable to get the target's current scale: ${why}`);
    expect(told()).toEqual([`Warning FailedGetScale: ${why}`]);
  }); // prettier-ignore
  it.each([
    ['no selector', '', "False InvalidSelector: the HPA target's scale is missing a selector", 'Warning SelectorRequired: selector is required'],
    ['one that cannot be read', 'a in', /^False InvalidSelector: couldn't convert selector into a corresponding internal selector object: /, /^Warning InvalidSelector: couldn't convert/],
  ])('with %s is told of', async (_, selector, active, event) => {
    await deploy(1, { selector });
    await begin(hpaOf({}));
    expect(condition('ScalingActive')).toMatch(active);
    expect(told()[0]).toMatch(event);
  }); // prettier-ignore
  it('of two autoscalers is left alone', async () => {
    await deploy(1);
    await begin(hpaOf({}));
    cpu = '200m';
    await c.client.create(horizontalPodAutoscalers, hpaOf({}, 'other'));
    await settled();
    await rounds(1);
    const why = 'pods by selector app=web are controlled by multiple HPAs: [{other d} {web d}]';
    expect(condition('ScalingActive', 'other')).toBe(`False AmbiguousSelector: ${why}`);
    expect(condition('ScalingActive')).toBe(`False AmbiguousSelector: ${why}`);
    expect(target().spec?.replicas).toBe(1);
  });
  it('that changes meanwhile is asked again, and one that cannot be changed is told of', async () => {
    await deploy(1);
    cpu = '200m';
    let conflicts = 2;
    refuses = () => {
      if (conflicts-- > 0) throw new ApiError('Conflict', 'it has changed');
    };
    await begin(hpaOf({}));
    expect(target().spec?.replicas).toBe(4);
    refuses = () => {
      throw new ApiError('Forbidden', 'no');
    };
    await rounds(1);
    expect(condition('AbleToScale')).toBe('False FailedUpdateScale: the HPA controller was unable to update the target scale: no'); // prettier-ignore
    expect(told()).toContain('Warning FailedRescale: New size: 8; reason: cpu resource utilization (percentage of request) above target; error: no'); // prettier-ignore
    expect(status()?.desiredReplicas).toBe(4);
  });
});
