import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import { createOutbound } from '../../runtime/outbound/outbound.ts';
import type { ExtenderConfiguration } from '../config/configuration.ts';
import { defaultProfile } from '../plugins/profile.ts';
import { rejection } from '../plugins/plugin.ts';
import { podInfo } from '../snapshot/pod-info.ts';
import { aNode, aPod } from '../testing/objects.ts';
import { cycleOf, snapshotOf } from '../testing/place.ts';
import type { Adviser } from './adviser.ts';
import { decide } from './decide.ts';
import { createExtender } from './extender.ts';

const world = realWorld({ level: 'silent' });
const outbound = createOutbound(world, { maxBytes: 100_000, plain: true });
let server: Server;
let url = '';
/** What it answers by verb: text is sent as it is; `hang`: nothing; a number: that status. */
let answers: Readonly<Record<string, unknown>> = {};
let heard: { verb: string; body: Record<string, unknown> }[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const verb = request.url!.slice(1);
      heard.push({ verb, body: JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown> });
      const answer = answers[verb];
      if (answer === 'hang') return;
      if (typeof answer === 'number') return void response.writeHead(answer).end();
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  outbound.close();
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  heard = [];
  answers = {};
});
const extender = (o: Partial<ExtenderConfiguration>): Adviser =>
  createExtender({
    world,
    call: outbound.call,
    configuration: {
      urlPrefix: url, filterVerb: '', preemptVerb: '', prioritizeVerb: '', bindVerb: '', weight: 1, enableHTTPS: false, httpTimeoutMs: 5_000,
      nodeCacheCapable: true, managedResources: [], ignorable: false, ...o,
    },
  }); // prettier-ignore
const { signal } = new AbortController();
const nodes = ['a', 'b', 'c'].map((name) => aNode(name));
const pod = aPod('p', { uid: 'u' });
const place = (advisers: readonly Adviser[], snapshot = snapshotOf(nodes)) =>
  decide(cycleOf(pod, snapshot), { profile: defaultProfile, startIndex: 0, random: () => 0.5, advisers, signal, log: world.log }); // prettier-ignore

describe('an extender', () => {
  it('leaves some nodes, by name or whole, and says why others will not do', async () => {
    answers = { f: { NodeNames: ['b'], FailedNodes: { a: 'too red', c: 'x' }, FailedAndUnresolvableNodes: { c: 'too blue' } } }; // prettier-ignore
    expect(await place([extender({ filterVerb: 'f' })])).toMatchObject({ node: 'b', feasible: 1 });
    expect(heard[0]).toMatchObject({ verb: 'f', body: { NodeNames: ['a', 'b', 'c'], Nodes: null, Pod: { metadata: { name: 'p' } } } }); // prettier-ignore
    const filtered = await extender({ filterVerb: 'f' }).filter!(podInfo(pod), snapshotOf(nodes).nodes, signal);
    expect([...filtered.refused]).toEqual([
      ['c', rejection('Extender', 'too blue')],
      ['a', rejection('Extender', 'too red', true)],
    ]);
    answers = { f: { nodes: { items: [{ metadata: { name: 'c' } }] }, failednodes: {} } };
    expect(await place([extender({ filterVerb: 'f', nodeCacheCapable: false })])).toMatchObject({ node: 'c' });
    expect(heard.at(-1)!.body['Nodes']).toMatchObject({ items: [{ metadata: { name: 'a' } }, {}, {}] });
  });
  it('that leaves none is why the pod waits, for any event', async () => {
    answers = { f: { NodeNames: [], FailedNodes: { a: 'no', b: 'no' } } };
    const verdict = await place([extender({ filterVerb: 'f' })]);
    if (!('rejected' in verdict)) throw new Error('placed');
    expect([...verdict.rejected.plugins]).toEqual(['Extender']);
    expect([...verdict.rejected.perNode].map(([node, r]) => [node, r.reasons, r.resolvable])).toEqual([
      ['a', ['no'], true],
      ['b', ['no'], true],
      ['c', [], false],
    ]);
  });
  it('prefers nodes, ten times its score by its weight', async () => {
    answers = { p: [{ Host: 'c', Score: 10 }, { Host: 'nowhere', Score: 1_000 }, { Host: 'a', Score: 1 }] }; // prettier-ignore
    expect(await place([extender({ prioritizeVerb: 'p', weight: 5 })])).toMatchObject({ node: 'c' });
    const scores = await extender({ prioritizeVerb: 'p', weight: 5 }).score!(podInfo(pod), snapshotOf(nodes).nodes, signal); // prettier-ignore
    expect(scores.get('c')).toBe(500);
  });
  it.each([
    ['hang', 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)'],
    [500, 'failed f with extender at URL @/f, code 500'],
    ['{"NodeNames": ["zzz"]}', 'extender "@" claims a filtered node "zzz" which is not found in the input node list'],
    ['{"Nodes": {"items": [{"metadata": {"name": "zzz"}}]}}', 'extender "@" claims a filtered node "zzz" which is not found in the input node list'],
    ['{"Nodes": {"items": [null]}}', 'which is not found in the input node list'],
    ['{"Error": "out of coffee"}', 'out of coffee'],
    ['[]', 'json: cannot unmarshal array into Go value of type v1.ExtenderFilterResult'],
    ['<html>', 'is not valid JSON'],
    [`"${'x'.repeat(200_000)}"`, 'the answer is longer than 100000 bytes'],
  ])('that answers %.60s fails the pod, and is passed over if it may be', async (answer, why) => {
    answers = { f: answer };
    const o = { filterVerb: 'f', httpTimeoutMs: answer === 'hang' ? 50 : 5_000 };
    await expect(place([extender(o)])).rejects.toThrow(why.replaceAll('@', url));
    expect(await place([extender({ ...o, ignorable: true })])).toMatchObject({ feasible: 3 });
  }); // prettier-ignore
  it.each(['[{"Host": "a", "Score": 1.5}]', '[{"Host": "a", "Score": "10"}]', '{}', '[null]', 'hang'])(
    'whose scores make no sense has none: %s',
    async (answer) => {
      answers = { p: answer };
      expect(await place([extender({ prioritizeVerb: 'p', httpTimeoutMs: answer === 'hang' ? 50 : 5_000 })])).toMatchObject({ feasible: 3 }); // prettier-ignore
    },
  );
  it('is asked about pods alone that ask for what it manages', () => {
    const it = extender({ managedResources: [{ name: 'x.io/gpu', ignoredByScheduler: false }] });
    expect(it.isInterested(podInfo(pod))).toBe(false);
    expect(it.isInterested(podInfo(aPod('q', { requests: { 'x.io/gpu': '1' } })))).toBe(true);
  });
  it('may spare nodes and victims, and may not name others', async () => {
    const victim = podInfo(aPod('v', { uid: 'v' }));
    const candidates = ['a', 'b'].map((node) => ({ node, victims: [victim], violations: 1 }));
    answers = { e: { NodeNameToMetaVictims: { b: { Pods: [{ UID: 'v' }], NumPDBViolations: 0 } } } };
    const it = extender({ preemptVerb: 'e' });
    expect(await it.preempt!(podInfo(pod), candidates, signal)).toEqual([{ node: 'b', victims: [victim], violations: 0 }]); // prettier-ignore
    expect(heard[0]!.body).toMatchObject({ NodeNameToMetaVictims: { a: { Pods: [{ UID: 'v' }], NumPDBViolations: 1 } } }); // prettier-ignore
    answers = { e: { NodeNameToMetaVictims: { b: { Pods: [{ UID: 'other' }] } } } };
    await expect(it.preempt!(podInfo(pod), candidates, signal)).rejects.toThrow(`extender: ${url} claims to preempt pod (UID: other) on node: b, but the pod is not found on that node`); // prettier-ignore
    answers = { e: { NodeNameToMetaVictims: { z: {} } } };
    await expect(it.preempt!(podInfo(pod), candidates, signal)).rejects.toThrow('nodeinfo not found for node name "z"');
  });
  it('binds, or leaves it to the scheduler where it may be passed over', async () => {
    answers = { b: {} };
    expect(await extender({ bindVerb: 'b' }).bind!(podInfo(pod), 'a')).toBe(true);
    expect(heard[0]!.body).toEqual({ PodName: 'p', PodNamespace: 'default', PodUID: 'u', Node: 'a' });
    answers = { b: { Error: 'no' } };
    await expect(extender({ bindVerb: 'b' }).bind!(podInfo(pod), 'a')).rejects.toThrow('no');
    expect(await extender({ bindVerb: 'b', ignorable: true }).bind!(podInfo(pod), 'a')).toBe(false);
  });
});
describe('a decision in which others are asked', () => {
  const slow = (o: Partial<Adviser>): Adviser => ({
    name: 'Slow',
    isIgnorable: false,
    isInterested: () => true,
    ...o,
  });
  it('does not choose a node that is gone, or full, when they have answered', async () => {
    const snapshot = snapshotOf(nodes);
    const takesB = slow({
      score: () => {
        snapshot.removeNode('a');
        snapshot.setPod(podInfo(aPod('big', { requests: { cpu: '4' } })), 'b');
        return Promise.resolve(new Map([['a', 1e6], ['b', 1e5]])); // prettier-ignore
      },
    });
    const wanting = decide(cycleOf(aPod('p', { requests: { cpu: '1' } }), snapshot), { profile: defaultProfile, startIndex: 0, random: () => 0.5, advisers: [takesB], signal, log: world.log }); // prettier-ignore
    expect(await wanting).toMatchObject({ node: 'c' });
  });
  it('fails when nothing is left', async () => {
    const snapshot = snapshotOf([aNode('a'), aNode('b')]);
    const gone = slow({
      filter: (_, all) => {
        for (const name of ['a', 'b']) snapshot.removeNode(name);
        return Promise.resolve({ feasible: all, refused: new Map() });
      },
    });
    await expect(place([gone], snapshot)).rejects.toThrow('no node does any more that did for pod default/p');
  });
  it('looks at other nodes when they refuse the one that was promised', async () => {
    const snapshot = snapshotOf(nodes);
    snapshot.nominate(podInfo(pod), 'a');
    const notA = slow({
      filter: (_, all) => Promise.resolve({ feasible: all.filter(({ name }) => name !== 'a'), refused: new Map() }),
    });
    expect(await place([notA], snapshot)).toMatchObject({ feasible: 2 });
  });
  it('looks only where a plugin says, or nowhere', async () => {
    expect(await place([slow({ preFilter: () => Promise.resolve({ only: new Set(['c', 'zzz']) }) })])).toMatchObject({ node: 'c' }); // prettier-ignore
    const verdict = await place([slow({ preFilter: () => Promise.resolve({ reject: 'not today' }) })]);
    expect(verdict).toMatchObject({ rejected: { reason: 'not today', plugins: new Set(['Slow']) } });
  });
});
