import { describe, expect, it } from 'vitest';
import { createMemoryHub } from '../../../bus/memory/bus.ts';
import { simulate } from '../../../bus/memory/simulation.ts';
import * as subjects from '../../../bus/subjects.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { createApiClient } from '../client.ts';
import { startController, type SyncContext } from '../controller.ts';
import { pods } from '../resources.ts';
import { fakeApi } from '../testing/fake-api.ts';
import { testWorld } from '../testing/world.ts';
import { leaderMetrics } from './leaders.ts';
import { createRegistry, type Registry } from './registry.ts';
import { requestMetrics } from './requests.ts';
import { Counter, exponentialBuckets, head, Histogram, labelText } from './series.ts';

const textOf = (registry: Registry): string[] => registry.families().flatMap(({ lines }) => lines);
const values = (registry: Registry, name: string): string[] =>
  textOf(registry).filter((line) => line.startsWith(name) && !line.includes('_bucket'));

describe('series', () => {
  it('escape label values and helps', () => {
    expect(labelText({ a: 'x"y\\z\n' })).toBe('a="x\\"y\\\\z\\n"');
    expect(head('n', 'gauge', 'BETA', 'one\ntwo \\')).toEqual(['# HELP n [BETA] one\\ntwo \\\\', '# TYPE n gauge']);
  });
  it('add up buckets', () => {
    const h = new Histogram([1, 2]);
    for (const v of [0.5, 1, 1.5, 9]) h.add(v);
    expect([...h.render('h', '')]).toEqual([
      'h_bucket{le="1"} 2', 'h_bucket{le="2"} 3', 'h_bucket{le="+Inf"} 4', 'h_sum 12', 'h_count 4',
    ]); // prettier-ignore
  });
  it('print numbers as Go does', () => {
    const h = new Histogram(exponentialBuckets(1e-8, 10, 4));
    expect([...h.render('h', '')].map((line) => line.match(/le="(.*)"/)?.[1])).toEqual([
      '1e-08', '1e-07', '1e-06', '9.999999999999999e-06', '+Inf', undefined, undefined,
    ]); // prettier-ignore
    const counter = new Counter();
    counter.at({}).n = 1_500_000;
    expect(counter.lines('c')).toEqual(['c 1.5e+06']);
  });
  it('are one family for all that ask for a name, and one value for the same labels', () => {
    const registry = createRegistry();
    const d = { name: 'b_total', stability: 'ALPHA', help: 'B.' } as const;
    registry.counter(d).at({ of: 'x' }).n++;
    registry.counter(d).at({ of: 'y' });
    registry.gauge({ name: 'a', stability: 'BETA', help: 'A.' }, () => [[{ of: 'x' }, 1]]);
    registry.gauge({ name: 'a', stability: 'BETA', help: 'A.' }, () => [
      [{ of: 'y' }, 0.5],
      [{ of: 'x' }, 2],
    ]);
    registry.histogram({ name: 'c', stability: 'BETA', help: 'Of which there is none.' }, [1]);
    expect(textOf(registry)).toEqual([
      '# HELP a [BETA] A.', '# TYPE a gauge', 'a{of="x"} 3', 'a{of="y"} 0.5',
      '# HELP b_total [ALPHA] B.', '# TYPE b_total counter', 'b_total{of="x"} 1', 'b_total{of="y"} 0',
    ]); // prettier-ignore
  });
});

describe('a queue', () => {
  function setUp(sync: (context: SyncContext) => Promise<{ requeueAfterMs?: number } | void>, workers = 1) {
    const world = testWorld();
    const metrics = createRegistry();
    const client = fakeApi(world).client('controller:job');
    const controller = startController({ name: 'pod-gc', id: '1', world, client, sources: [], sync, metrics, workers });
    return { world, controller, told: (what: string) => values(metrics, `workqueue_${what}`) };
  }
  it("goes by upstream's name, and tells how long keys wait and are worked on", async () => {
    const ends: (() => void)[] = [];
    const { world, controller, told } = setUp(() => new Promise<void>((end) => ends.push(end)));
    await controller.ready;
    for (const key of ['a', 'b', 'b']) controller.enqueue(key);
    await world.settle();
    await world.advance(2_000);
    expect(told('adds_total')).toEqual(['workqueue_adds_total{name="orphaned_pods_nodes"} 2']);
    expect(told('depth')).toEqual(['workqueue_depth{name="orphaned_pods_nodes"} 1']);
    expect(told('unfinished')).toEqual(['workqueue_unfinished_work_seconds{name="orphaned_pods_nodes"} 2']);
    expect(told('longest')).toEqual(['workqueue_longest_running_processor_seconds{name="orphaned_pods_nodes"} 2']);
    ends.shift()!();
    await world.settle();
    await world.advance(1_000);
    ends.shift()!();
    await world.settle();
    expect(told('queue_duration')).toEqual([
      'workqueue_queue_duration_seconds_sum{name="orphaned_pods_nodes"} 2',
      'workqueue_queue_duration_seconds_count{name="orphaned_pods_nodes"} 2',
    ]);
    expect(told('work_duration')).toEqual([
      'workqueue_work_duration_seconds_sum{name="orphaned_pods_nodes"} 3',
      'workqueue_work_duration_seconds_count{name="orphaned_pods_nodes"} 2',
    ]);
    expect(told('longest')).toEqual(['workqueue_longest_running_processor_seconds{name="orphaned_pods_nodes"} 0']);
  });
  it('counts as retries what failed, and what asked for another time', async () => {
    let n = 0;
    const { world, controller, told } = setUp(() => {
      n++;
      if (n <= 2) return Promise.reject(new ApiError('Conflict', 'meanwhile'));
      return Promise.resolve(n === 3 ? { requeueAfterMs: 1_000 } : undefined);
    });
    await controller.ready;
    controller.enqueue('a');
    await world.settle();
    await world.advance(5_000);
    expect(n).toBe(4);
    expect(told('retries')).toEqual(['workqueue_retries_total{name="orphaned_pods_nodes"} 3']);
    expect(told('adds')).toEqual(['workqueue_adds_total{name="orphaned_pods_nodes"} 4']);
  });
  it('is empty after a leadership ends', async () => {
    const { world, controller, told } = setUp(() => new Promise<void>(() => undefined));
    await controller.ready;
    for (const key of ['a', 'b']) controller.enqueue(key);
    await world.settle();
    controller.deactivate();
    await world.advance(1_000);
    expect(told('depth')).toEqual(['workqueue_depth{name="orphaned_pods_nodes"} 0']);
    expect(told('unfinished')).toEqual(['workqueue_unfinished_work_seconds{name="orphaned_pods_nodes"} 0']);
  });
});

describe('requests', () => {
  it('are counted by method and code, those that nobody answers as errors', async () => {
    const simulation = simulate(1);
    const hub = createMemoryHub({ simulation });
    const server = hub.connect('apiserver', { world: simulation.world('s') });
    const served = server.serve(subjects.apiOf('*'), 'api', ({ subject }) => {
      const { verb } = subjects.parseApi(subject);
      if (verb === 'patch') throw new ApiError('Conflict', 'meanwhile');
      return { object: {} };
    });
    const world = simulation.world('c');
    const registry = createRegistry();
    const bus = hub.connect('scheduler', { world });
    const client = createApiClient(bus, world, 'scheduler', requestMetrics(registry, world.clock));
    const run = async (work: Promise<unknown>): Promise<void> => {
      let settled = false;
      const finished = work.catch(() => undefined).finally(() => (settled = true));
      await simulation.run(() => settled, 120_000);
      await finished;
    };
    await run(client.get(pods, 'a', 'd'));
    await run(client.create(pods, { metadata: { name: 'a', namespace: 'd' } } as never));
    await run(client.patch(pods, 'a', 'd', 'merge', {}));
    await run(client.delete(pods, 'a', 'd'));
    served.unsubscribe();
    await run(client.delete(pods, 'a', 'd'));
    expect(values(registry, 'rest_client_requests_total')).toEqual([
      'rest_client_requests_total{code="200",host="bus",method="GET"} 1',
      'rest_client_requests_total{code="201",host="bus",method="POST"} 1',
      'rest_client_requests_total{code="409",host="bus",method="PATCH"} 1',
      'rest_client_requests_total{code="200",host="bus",method="DELETE"} 1',
      'rest_client_requests_total{code="503",host="bus",method="DELETE"} 1',
    ]);
    expect(values(registry, 'rest_client_request_duration_seconds_count{host="bus",verb="DELETE"}')).toEqual([
      'rest_client_request_duration_seconds_count{host="bus",verb="DELETE"} 2',
    ]);
  });
});

it('tell which leases are held', () => {
  const registry = createRegistry();
  leaderMetrics(registry, () => [['a', true], ['b', false]]); // prettier-ignore
  expect(values(registry, 'leader')).toEqual([
    'leader_election_master_status{name="a"} 1',
    'leader_election_master_status{name="b"} 0',
  ]);
});
