import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as resources from '../../../actors/runtime/resources.ts';
import type { MetricsAnswer } from '../../../bus/protocol/metrics.ts';
import * as subjects from '../../../bus/subjects.ts';
import type { GroupVersionResource, KubeObject } from '../../../schemas/meta/object.ts';
import { patiently } from '../../testing/patiently.ts';
import { startSimulatedCluster, type SimulatedCluster } from '../../testing/simulated-cluster.ts';

interface Family {
  readonly type: string;
  readonly stability: string;
  readonly help: string;
  readonly labels?: readonly string[];
  readonly buckets?: readonly string[];
}
/** What kube-controller-manager and kube-scheduler v1.36.3 answered, without values. */
const upstream = JSON.parse(readFileSync(new URL('upstream.golden.json', import.meta.url), 'utf8')) as {
  readonly queues: readonly string[];
  readonly families: Readonly<Record<string, Family>>;
};
/** Of Node's processes, which upstream's are not. */
const OWN = /^(process|nodejs)_/;
/** Theirs has more labels, of a build that ours is not. */
const FEWER = new Set(['kubernetes_build_info']);
/** Of controllers that have none upstream, where they look around at times. */
const OWN_QUEUES = new Set(['csr-cleaner', 'legacy-serviceaccount-token-cleaner']);

const template = (labels: object, more: object = {}) => ({
  metadata: { labels },
  spec: { containers: [{ name: 'c', image: 'pause' }], ...more },
});
const objects: readonly (readonly [GroupVersionResource, KubeObject & { spec: object }])[] = [
  [resources.deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'default' }, spec: { replicas: 3, selector: { matchLabels: { a: 'b' } }, template: template({ a: 'b' }) } }],
  [resources.services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'default' }, spec: { selector: { a: 'b' }, ports: [{ port: 80 }] } }],
  [resources.jobs, { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'j', namespace: 'default' }, spec: { ttlSecondsAfterFinished: 1, template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox', command: ['true'] }] } } } }],
  [resources.cronJobs, { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'cj', namespace: 'default' }, spec: { schedule: '* * * * *', jobTemplate: { spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox', command: ['true'] }] } } } } } }],
  [resources.pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'huge', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'pause', resources: { requests: { cpu: '1k' } } }] } }],
  [resources.pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'lost', namespace: 'default' }, spec: { nodeName: 'none', containers: [{ name: 'c', image: 'pause' }] } }],
  [resources.persistentVolumes, { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'v' }, spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/v' } } }],
  [resources.persistentVolumeClaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'c', namespace: 'default' }, spec: { storageClassName: 'none-such', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }],
]; // prettier-ignore

interface Scraped {
  readonly type: string;
  readonly stability: string;
  readonly help: string;
  readonly labels: ReadonlySet<string>;
  readonly buckets: readonly string[];
  readonly values: ReadonlyMap<string, number>;
}
function read(answer: MetricsAnswer): ReadonlyMap<string, Scraped> {
  return new Map(
    answer.families.map(({ name, lines }) => {
      const [, stability = '', help = ''] = /^# HELP \S+ (?:\[(\w+)\] )?(.*)$/.exec(lines[0]!) ?? [];
      const values = new Map(
        lines.slice(2).map((line): [string, number] => {
          const at = line.lastIndexOf(' ');
          return [line.slice(0, at), Number(line.slice(at + 1))];
        }),
      );
      const of = (label: RegExp): string[] => [...values.keys()].flatMap((key) => [...key.matchAll(label)].map((m) => m[1]!)); // prettier-ignore
      const labels = new Set(of(/[{,](\w+)="/g).filter((label) => label !== 'le'));
      const buckets = [...new Set(of(/[{,]le="([^"]+)"/g))];
      return [name, { type: lines[1]!.split(' ')[3]!, stability, help, labels, buckets, values }];
    }),
  );
}
async function scrape(cluster: SimulatedCluster, component: string): Promise<ReadonlyMap<string, Scraped>> {
  const { simulation, hub } = cluster;
  const bus = hub.connect(`reader-${component}`, { world: simulation.world('reader') });
  return read(await patiently(simulation, bus.request<MetricsAnswer>(subjects.metricsOf(component), {})));
}

describe('metrics of a cluster that has run for two minutes', async () => {
  const cluster = await startSimulatedCluster(7, ['n1']);
  const { admin, simulation } = cluster;
  const done = async (work: Promise<unknown>): Promise<void> => {
    let settled = false;
    const finished = work.finally(() => (settled = true));
    finished.catch(() => undefined);
    await simulation.run(() => settled, 60_000);
    await finished;
  };
  await simulation.advance(5_000);
  for (const [resource, object] of objects) await done(admin.create(resource, object));
  await simulation.advance(60_000);
  await done(admin.patch(resources.deployments, 'web', 'default', 'merge', { spec: { replicas: 1 } }));
  await simulation.advance(60_000);
  const managers = await scrape(cluster, 'controller-manager');
  const scheduler = await scrape(cluster, 'scheduler');
  await cluster.stop();
  const all = [...managers, ...scheduler].filter(([name]) => !OWN.test(name));

  it.each(all)('%s is as upstream tells it', (name, family) => {
    const theirs = upstream.families[name];
    expect(theirs, 'upstream has no such metric').toBeDefined();
    const { type, stability, help } = family;
    expect({ type, stability, help }).toEqual({ type: theirs!.type, stability: theirs!.stability, help: theirs!.help });
    const names = [...family.labels].toSorted();
    if (FEWER.has(name)) expect(theirs!.labels).toEqual(expect.arrayContaining(names));
    else if (theirs!.labels !== undefined) expect(names).toEqual(theirs!.labels.toSorted());
    if (family.buckets.length > 0) expect(family.buckets).toEqual(theirs!.buckets);
  });
  it('has queues by the names that upstream gives them', () => {
    const queues = [...managers.get('workqueue_depth')!.values.keys()].map((key) => /name="(.*)"/.exec(key)![1]!);
    const unknown = queues.filter((name) => !upstream.queues.includes(name) && !OWN_QUEUES.has(name));
    expect(unknown, "their names upstream belong into actors/runtime/metrics/queue.ts").toEqual([]);
    expect(queues).toEqual(expect.arrayContaining(['deployment', 'replicaset', 'job', 'namespace', 'ttl_jobs_to_delete']));
  });
  it.each([
    ['workqueue_adds_total{name="deployment"}', 1],
    ['workqueue_retries_total{name="cronjob"}', 1],
    ['workqueue_work_duration_seconds_count{name="replicaset"}', 1],
    ['rest_client_requests_total{code="201",host="bus",method="POST"}', 5],
    ['rest_client_request_duration_seconds_count{host="bus",verb="PUT"}', 5],
    ['leader_election_master_status{name="kube-controller-manager"}', 1],
    ['job_controller_jobs_finished_total{completion_mode="NonIndexed",reason="CompletionsReached",result="succeeded"}', 2],
    ['job_controller_job_pods_finished_total{completion_mode="NonIndexed",result="succeeded"}', 2],
    ['job_controller_job_syncs_total{action="pods_created",completion_mode="NonIndexed",result="success"}', 2],
    ['job_controller_job_pods_creation_total{reason="new",status="succeeded"}', 2],
    ['job_controller_terminated_pods_tracking_finalizer_total{event="delete"}', 2],
    ['cronjob_controller_job_creation_skew_duration_seconds_count', 1],
    ['ttl_after_finished_controller_job_deletion_duration_seconds_count', 1],
    ['replicaset_controller_sorting_deletion_age_ratio_count', 2],
    ['root_ca_cert_publisher_sync_total{code="200"}', 4],
    ['endpoint_slice_controller_syncs{result="success"}', 2],
    ['endpoint_slice_controller_changes{operation="create"}', 1],
    ['endpoint_slice_controller_num_endpoint_slices', 1],
    ['endpoint_slice_controller_endpoints_desired', 1],
    ['endpoint_slice_controller_desired_endpoint_slices', 1],
    ['endpoint_slice_controller_endpoints_added_per_sync_sum', 3],
    ['endpoint_slice_controller_endpoints_removed_per_sync_sum', 2],
    ['node_collector_zone_size{zone=""}', 1],
    ['pv_collector_total_pv_count{plugin_name="kubernetes.io/host-path",volume_mode="Filesystem"}', 1],
    ['pv_collector_unbound_pv_count{storage_class=""}', 1],
    ['pv_collector_unbound_pvc_count{namespace="default",storage_class="none-such",volume_attributes_class=""}', 1],
    ['pod_gc_collector_force_delete_pods_total{namespace="default",reason="orphaned"}', 1],
    ['node_ipam_controller_cirdset_max_cidrs{clusterCIDR="10.244.0.0/16"}', 256],
  ])('the controllers tell %s', (key, least) => {
    const values = [...managers.values()].map((family) => family.values.get(key)).filter((value) => value !== undefined);
    expect(values[0]).toBeGreaterThanOrEqual(least);
  });
  it.each([
    ['scheduler_schedule_attempts_total{profile="default-scheduler",result="scheduled"}', 4],
    ['scheduler_schedule_attempts_total{profile="default-scheduler",result="unschedulable"}', 1],
    ['scheduler_pending_pods{queue="unschedulable"}', 1],
    ['scheduler_pending_pods{queue="gated"}', 0],
    ['scheduler_unschedulable_pods{plugin="NodeResourcesFit",profile="default-scheduler"}', 1],
    ['scheduler_queue_incoming_pods_total{event="UnschedulablePodAdd",queue="active"}', 5],
    ['scheduler_queue_incoming_pods_total{event="ScheduleAttemptFailure",queue="unschedulable"}', 1],
    ['scheduler_pod_scheduling_attempts_count', 4],
    ['scheduler_pod_scheduling_sli_duration_seconds_count{attempts="1"}', 4],
    ['scheduler_framework_extension_point_duration_seconds_count{extension_point="Bind",profile="default-scheduler",status="Success"}', 4],
    ['scheduler_preemption_attempts_total', 1],
    ['scheduler_cache_size{type="nodes"}', 1],
    ['leader_election_master_status{name="kube-scheduler"}', 1],
    ['rest_client_requests_total{code="201",host="bus",method="POST"}', 4],
  ])('the scheduler tells %s', (key, least) => {
    const values = [...scheduler.values()].map((family) => family.values.get(key)).filter((value) => value !== undefined);
    expect(values[0]).toBeGreaterThanOrEqual(least);
  });
}); // prettier-ignore
