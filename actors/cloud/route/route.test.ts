import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Node, NodeAddress } from '../../../schemas/generated/core-v1.ts';
import { nodes } from '../../runtime/resources.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import type { Route } from '../provider.ts';
import { cloudCluster, told } from '../testing/fake-cloud.ts';
import { startRoute } from './actor.ts';
import { creationFailed, planRoutes, tellReachable } from './reconcile.ts';

type Cluster = ReturnType<typeof cloudCluster>;
const at = (address: string): NodeAddress[] => [{ type: 'InternalIP', address }];
const node = (name: string, podCIDRs: string[] = [], addresses = at('10.0.0.1')): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, uid: `uid-${name}` },
  spec: { podCIDRs },
  status: { addresses },
});
const route = (targetNode: string, destination: string, more: Partial<Route> = {}): Route => ({ name: `r-${destination}`, targetNode, destination, ...more }); // prettier-ignore
const CIDRS = ['10.244.0.0/16', 'fd00:10::/48'];
const [A, B, SIX, ELSEWHERE] = ['10.244.1.0/24', '10.244.2.0/24', 'fd00:10:0:1::/64', '10.9.0.0/24'] as const;

describe('the plan', () => {
  it.each([
    ['a node without a range', [node('n1')], [], [], [], []],
    ['a node without a route', [node('n1', [A])], [], [], [`n1 ${A}`], ['n1']],
    ['a node with its route', [node('n1', [A])], [route('n1', A)], [], [], ['n1']],
    ['two families', [node('n1', [A, SIX])], [route('n1', SIX)], [], [`n1 ${A}`], ['n1']],
    ['a node that is gone', [], [route('n1', A)], [`n1 ${A}`], [], []],
    ['a range that is another’s now', [node('n2', [A])], [route('n1', A)], [`n1 ${A}`], [`n2 ${A}`], ['n2']],
    ['a range that is another by now', [node('n1', [B])], [route('n1', A)], [`n1 ${A}`], [`n1 ${B}`], ['n1']],
    ['a range that was taken back', [node('n1')], [route('n1', A)], [`n1 ${A}`], [], ['n1']],
    ['a black hole', [], [route('', A, { isBlackhole: true })], [` ${A}`], [], []],
    ['routes of others', [], [route('n1', ELSEWHERE), route('n1', 'nonsense')], [], [], []],
    ['a range that holds ours at its end', [], [route('n1', '10.244.255.0/16')], [`n1 10.244.255.0/16`], [], []],
    ['other addresses', [node('n1', [A])], [route('n1', A, { targetAddresses: at('10.0.0.9') })], [`n1 ${A}`], [`n1 ${A}`], ['n1']],
    ['the same addresses', [node('n1', [A])], [route('n1', A, { targetAddresses: at('10.0.0.1') })], [], [], ['n1']],
  ] as [string, Node[], Route[], string[], string[], string[]][])('for %s', (_, all, routes, remove, create, judged) => {
    const plan = planRoutes(all, routes, CIDRS);
    const text = ({ targetNode, destination }: Route): string => `${targetNode} ${destination}`;
    expect(plan.remove.map(text)).toEqual(remove);
    expect(plan.create.map((one) => text(one.route))).toEqual(create);
    expect(plan.judged.map(({ metadata }) => metadata.name)).toEqual(judged);
  }); // prettier-ignore
  it('leaves nothing to do when it is carried out', () => {
    const range = fc.integer({ min: 0, max: 5 }).map((i) => `10.244.${i}.0/24`);
    const some = fc.array(fc.tuple(fc.constantFrom('n1', 'n2', 'n3'), range, fc.boolean()), { maxLength: 6 });
    fc.assert(
      fc.property(fc.uniqueArray(range, { minLength: 0, maxLength: 3 }), some, (ranges, present) => {
        const all = ranges.map((cidr, i) => node(`n${i + 1}`, [cidr]));
        const routes = present.map(([name, cidr, isOld], i) => route(name, cidr, { name: `${i}`, targetAddresses: at(isOld ? '10.0.0.9' : '10.0.0.1') })); // prettier-ignore
        const plan = planRoutes(all, routes, CIDRS);
        const then = [...routes.filter((r) => !plan.remove.includes(r)), ...plan.create.map((one) => one.route)];
        const next = planRoutes(all, then, CIDRS);
        expect([next.remove, next.create]).toEqual([[], []]);
      }),
    );
  });
});
describe('the condition', () => {
  it.each([
    [undefined, undefined, true, 'False RouteCreated'],
    [undefined, undefined, false, 'True NoRouteCreated'],
    ['False', 'RouteCreated', true, undefined],
    ['False', 'CalicoIsUp', true, 'False RouteCreated'],
    ['False', 'RouteCreated', false, 'True NoRouteCreated'],
    ['True', 'NoRouteCreated', false, undefined],
    ['True', 'NoRouteCreated', true, 'False RouteCreated'],
  ])('%s %s of a reachable node: %s', (status, reason, isReachable, wanted) => {
    const of = node('n1', [A]);
    const conditions = status ? [{ type: 'NetworkUnavailable', status, reason }] : [];
    const [intent] = tellReachable({ ...of, status: { conditions } }, isReachable, 0);
    const told = intent && 'patch' in intent ? (intent.patch as Node).status!.conditions![0]! : undefined;
    expect(told && `${told.status} ${told.reason}`).toBe(wanted);
  });
  it('is told of with a reason', () => {
    const wanted = { node: node('n1', [A]), route: route('n1', A) };
    expect(creationFailed(wanted, new Error('quota'), 1_500)).toMatchObject({ message: `Could not create route uid-n1 ${A} for node n1 after 1.5s: quota` }); // prettier-ignore
  });
});

const start = (c: Cluster) => c.start(() => startRoute(c.cloudDeps, c.cloud.routes));
const networkOf = (c: Cluster, name: string): string | undefined =>
  c.api.object<Node>(nodes, name)?.status?.conditions?.find(({ type }) => type === 'NetworkUnavailable')?.status;
const add = (c: Cluster, name: string, cidr: string): Promise<Node> => c.client.create(nodes, node(name, [cidr]));
describe('the controller', () => {
  it('makes routes of nodes that come together in one go, and removes those of nodes that go', async () => {
    const c = cloudCluster();
    start(c);
    await c.world.advance(200);
    await add(c, 'n1', A);
    await add(c, 'n2', B);
    await c.world.advance(200);
    expect([networkOf(c, 'n1'), networkOf(c, 'n2')]).toEqual(['False', 'False']);
    expect(c.cloud.calls.filter((call) => call === 'list ')).toHaveLength(2);
    await c.client.delete(nodes, 'n1');
    await c.world.advance(200);
    expect([...c.cloud.table.values()].map(({ destination }) => destination)).toEqual([B]);
  });
  it('tells of a route that could not be made, and of the node, and tries again', async () => {
    const c = cloudCluster();
    start(c);
    c.cloud.intercept = (method, about) => {
      if (method === 'createRoute' && about.endsWith('n1')) throw new Error('no room');
    };
    await add(c, 'n1', A);
    await add(c, 'n2', B);
    await c.world.advance(200);
    expect([networkOf(c, 'n1'), networkOf(c, 'n2')]).toEqual(['True', 'False']);
    expect(told(c)[0]).toMatch(/^FailedToCreateRoute: Could not create route \S+ 10\.244\.1\.0\/24 for node n1 after 0ms: no room$/); // prettier-ignore
    c.cloud.intercept = undefined;
    await c.world.advance(10_000);
    expect(networkOf(c, 'n1')).toBe('False');
  });
  it('leaves everything as it is while it cannot be listed, and is not held up for ever by what hangs', async () => {
    const c = cloudCluster();
    c.cloud.intercept = (method) => (method === 'list' ? new Promise<void>(() => undefined) : undefined);
    start(c);
    await add(c, 'n1', A);
    await c.world.advance(50_000);
    expect(networkOf(c, 'n1')).toBeUndefined();
    c.cloud.intercept = undefined;
    await c.world.advance(20_000);
    expect(networkOf(c, 'n1')).toBe('False');
  });
  it('mends what others changed in the cloud', async () => {
    const c = cloudCluster();
    start(c);
    await add(c, 'n1', A);
    await c.world.advance(200);
    c.cloud.table.clear();
    await c.world.advance(5 * 60_000);
    expect(c.cloud.table.size).toBe(1);
  });
  it.each([1, 2, 3, 4])('ends with a route for each node after a bad day (seed %s)', async (seed) => {
    const c = cloudCluster(seed);
    c.cloud.intercept = (): void => {
      if (c.world.random() < 0.3) throw new Error('a bad day');
    };
    const turns = [1, 2, 3, 4].map((i) => () => add(c, `n${i}`, `10.244.${i}.0/24`));
    await badDay(c, start(c), [...turns, () => c.client.delete(nodes, 'n2').catch(() => undefined)]);
    c.cloud.intercept = undefined;
    await c.world.advance(30_000);
    expect([...c.cloud.table.values()].map(({ targetNode }) => targetNode).toSorted()).toEqual(['n1', 'n3', 'n4']);
    expect(['n1', 'n3', 'n4'].map((name) => networkOf(c, name))).toEqual(['False', 'False', 'False']);
  });
});
