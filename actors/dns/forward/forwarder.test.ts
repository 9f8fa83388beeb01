import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import type { World } from '../../../bus/world.ts';
import { createRegistry } from '../../runtime/metrics/registry.ts';
import { Answers } from '../answering/answers.ts';
import { dnsMetrics } from '../metrics.ts';
import { createServer } from '../server.ts';
import { knownCluster } from '../testing/harness.ts';
import { question, read, wireName } from '../testing/packets.ts';
import { answerTo, startUpstream, type Behaviour } from '../testing/upstream.ts';
import { readMessage } from '../wire/message.ts';
import { parseName } from '../wire/name.ts';
import { createForwarder } from './forwarder.ts';
import { nameserversIn, parseUpstream } from './resolv-conf.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
/** Timers of the forwarder in a tenth of the time; `ahead`: milliseconds that are added to the clock's. */
function quickWorld(): { readonly world: World; ahead: number; readonly complaints: string[] } {
  const real = realWorld({ level: 'silent' });
  const complaints: string[] = [];
  const log = { ...real.log, warn: (text: string) => void complaints.push(text), error: (text: string) => void complaints.push(text) }; // prettier-ignore
  const state = { ahead: 0, complaints, world: undefined as unknown as World };
  const clock = {
    now: () => real.clock.now() + state.ahead,
    elapsed: () => real.clock.elapsed!() + state.ahead,
    setTimeout: (fn: () => void, ms: number) => real.clock.setTimeout(fn, ms / 10),
    clearTimeout: real.clock.clearTimeout,
  };
  state.world = { ...real, clock, log };
  return state;
}
/** A server that asks these, and what it was told. */
async function serverAsking(...behaviours: Behaviour[]) {
  const upstreams = await Promise.all(behaviours.map(startUpstream));
  const quick = quickWorld();
  const { world } = quick;
  const metrics = dnsMetrics(createRegistry(), 'dns://test', () => 0);
  const forwarder = createForwarder({ world, upstreams, metrics: metrics.forward });
  const authority = { cluster: knownCluster(), zone: parseName('cluster.local')!, ttl: 30, pods: 'insecure', own: [] } as const; // prettier-ignore
  const serve = createServer({
    world,
    answers: new Answers(authority, true),
    forwarder,
    metrics,
    isSynced: () => true,
  });
  ends.push(() => forwarder.stop(), ...upstreams.map((upstream) => upstream.close));
  const ask = async (name: string, type = 'A', o: Parameters<typeof question>[2] & { via?: 'udp' | 'tcp' } = {}) =>
    read((await serve(question(name, type, o), o.via ?? 'udp'))!);
  return { ask, serve, upstreams, forwarder, quick };
}
const A = (...bytes: number[]): readonly [number, number, Buffer] => [1, 300, Buffer.from(bytes)];
const SOA = (minimum: number): readonly [number, number, Buffer] => {
  const numbers = Buffer.alloc(20);
  numbers.writeUInt32BE(minimum, 16);
  return [6, 3600, Buffer.concat([Buffer.from([0, 0]), numbers])];
};
const gives = (...records: (readonly [number, number, Buffer])[]): Behaviour => (query) => [answerTo(query, { records })]; // prettier-ignore
const silent: Behaviour = () => [];
const fails = (rcode: number): Behaviour => (query) => [answerTo(query, { rcode })]; // prettier-ignore
const address = ['www.example.org. 30 A 192.0.2.1'];

describe('names of others', () => {
  it('are asked of another server, and its answer is the client’s', async () => {
    const { ask, upstreams } = await serverAsking(gives(A(192, 0, 2, 1)));
    const answer = await ask('wWw.example.org', 'A', { id: 77, edns: 1232 });
    expect(answer).toMatchObject({ id: 77, question: 'wWw.example.org. A', rcode: 'NOERROR', answers: address, flags: ['rd', 'ra'] }); // prettier-ignore
    expect(answer.edns).toBeDefined();
    expect((await ask('www.example.org')).edns).toBeUndefined();
    expect(upstreams[0]!.questions()).toHaveLength(1);
  });
  it('are asked once, however many wait', async () => {
    const { ask, upstreams } = await serverAsking(gives(A(192, 0, 2, 1)));
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask('www.example.org')));
    for (const { answers: given } of answers) expect(given).toEqual(address);
    expect(upstreams[0]!.questions()).toHaveLength(1);
  });
  it('are remembered for half a minute at most, and less where they say so', async () => {
    const { ask, upstreams, quick } = await serverAsking((query) => [
      answerTo(query, { records: [query.includes('short') ? [1, 5, Buffer.from([192, 0, 2, 1])] : A(192, 0, 2, 1)] }),
    ]);
    const both = async () => [(await ask('long.example')).answers, (await ask('short.example')).answers];
    expect(await both()).toEqual([['long.example. 30 A 192.0.2.1'], ['short.example. 5 A 192.0.2.1']]);
    quick.ahead += 4_000;
    expect(await both()).toEqual([['long.example. 26 A 192.0.2.1'], ['short.example. 1 A 192.0.2.1']]);
    quick.ahead += 2_000;
    expect(await both()).toEqual([['long.example. 24 A 192.0.2.1'], ['short.example. 5 A 192.0.2.1']]);
    expect(upstreams[0]!.questions()).toHaveLength(3);
    quick.ahead += 30_000;
    await both();
    expect(upstreams[0]!.questions()).toHaveLength(5);
  });
  it.each([
    ['that there are none, as long as the zone says', 3, [SOA(10)], 10],
    ['that there are none, no longer than half a minute', 3, [SOA(900)], 30],
    ['that nobody can say, for five seconds', 2, [], 5],
  ])('are remembered: %s', async (_, rcode, authority, seconds) => {
    const { ask, upstreams, quick } = await serverAsking((query) => [answerTo(query, { rcode, authority })]);
    await ask('x.example');
    quick.ahead += seconds * 1_000 - 500;
    await ask('x.example');
    expect(upstreams[0]!.questions()).toHaveLength(1);
    quick.ahead += 1_000;
    await ask('x.example');
    expect(upstreams[0]!.questions()).toHaveLength(2);
  });
  it('whose answer is cut off are asked again by TCP', async () => {
    const records = Array.from({ length: 60 }, (_, i) => A(192, 0, 2, i));
    const { ask, upstreams } = await serverAsking((query, via) => [answerTo(query, via === 'udp' ? { truncated: true } : { records })]); // prettier-ignore
    const short = await ask('www.example.org');
    expect(short.flags).toContain('tc');
    expect(short.answers).toHaveLength(29);
    expect((await ask('www.example.org', 'A', { via: 'tcp' })).answers).toHaveLength(60);
    expect((await ask('www.example.org', 'A', { edns: 4096 })).flags).not.toContain('tc');
    expect(upstreams[0]!.questions().map(({ via }) => via)).toEqual(['udp', 'tcp']);
  });
  it('are not answered by whoever guesses', async () => {
    const { ask } = await serverAsking((query) => {
      const good = answerTo(query, { records: [A(192, 0, 2, 1)] });
      const otherId = Buffer.from(answerTo(query, { records: [A(6, 6, 6, 6)] }));
      otherId[0] = otherId[0]! ^ 1;
      const otherName = Buffer.from(answerTo(query, { records: [A(6, 6, 6, 6)] }));
      otherName[13] = otherName[13]! ^ 1;
      return [Buffer.alloc(3), otherId, otherName, query, good];
    });
    expect((await ask('www.example.org')).answers).toEqual(address);
  });
  it.each<[string, Behaviour]>([
    ['is silent', silent],
    ['cannot say', fails(2)],
    ['refuses', fails(5)],
    ['says what cannot be read', (query) => [Buffer.concat([answerTo(query, { records: [A(1, 2, 3, 4)] }).subarray(0, -14)])]], // prettier-ignore
  ])('are asked of the next one when one %s', async (_, behaviour) => {
    const { ask } = await serverAsking(behaviour, gives(A(192, 0, 2, 1)), behaviour);
    for (const name of ['a', 'b', 'c']) expect((await ask(`${name}.example`)).answers).toEqual([`${name}.example. 30 A 192.0.2.1`]); // prettier-ignore
  });
  it('are not asked again and again of who does not answer', async () => {
    const { ask, upstreams, quick } = await serverAsking(silent, gives(A(192, 0, 2, 1)));
    for (const name of ['a', 'b', 'c', 'd']) await ask(`${name}.example`);
    const before = upstreams[0]!.questions().length;
    expect(before).toBe(2);
    expect(quick.complaints).toEqual(['a name server does not answer']);
    for (const name of ['e', 'f', 'g', 'h']) await ask(`${name}.example`);
    expect(upstreams[0]!.questions()).toHaveLength(before);
    quick.ahead += 11_000;
    for (const name of ['i', 'j']) await ask(`${name}.example`);
    expect(upstreams[0]!.questions()).toHaveLength(before + 1);
  });
  it.each<[string, Behaviour[], string]>([
    ['nobody answers', [silent, silent], 'SERVFAIL'],
    ['all refuse', [fails(5)], 'REFUSED'],
    ['all fail', [fails(2), fails(2)], 'SERVFAIL'],
    ['there is none', [], 'REFUSED'],
  ])('are said to be unknown when %s', async (_, behaviours, rcode) => {
    const { ask } = await serverAsking(...behaviours);
    expect((await ask('www.example.org')).rcode).toBe(rcode);
  });
  it('beyond a thousand at once are refused', async () => {
    const { ask, forwarder } = await serverAsking(silent);
    const many = Array.from({ length: 1_000 }, (_, i) => ask(`n${i}.example`));
    expect(forwarder.pending).toBe(1_000);
    expect((await ask('one-more.example')).rcode).toBe('REFUSED');
    forwarder.stop();
    expect(new Set((await Promise.all(many)).map(({ rcode }) => rcode))).toEqual(new Set(['SERVFAIL']));
  });
  it('are not asked of who asks us', async () => {
    let back: ((query: Buffer) => void) | undefined;
    const { ask, serve, forwarder, quick } = await serverAsking((query) => {
      back?.(query);
      return [];
    });
    back = (query) => void serve(query, 'udp');
    await expect.poll(() => forwarder.isLooping).toBe(true);
    expect((await ask('www.example.org')).rcode).toBe('SERVFAIL');
    expect((await ask('web.shop.svc.cluster.local')).rcode).toBe('NOERROR');
    expect(quick.complaints).toEqual([expect.stringContaining('come back here')]);
  });
  it('have zones, which are not handed on', async () => {
    const { ask, upstreams } = await serverAsking(gives(A(1, 2, 3, 4)));
    expect((await ask('example.org', 'AXFR')).rcode).toBe('REFUSED');
    expect(upstreams[0]!.questions()).toEqual([]);
  });
});

describe('a service of another name', () => {
  const alias = 'outside.shop.svc.cluster.local';
  it('is told with what others say of that', async () => {
    const cname = [5, 60, wireName('edge.example.net')] as const;
    const { ask } = await serverAsking((query) => {
      const answer = answerTo(query, { records: [cname, A(192, 0, 2, 9)] });
      // The second record's name is the first one's target.
      const at = answer.lastIndexOf(Buffer.from([0xc0, 0x0c, 0, 1]));
      answer.writeUInt16BE(0xc000 | answer.indexOf(wireName('edge.example.net')), at);
      return [answer];
    });
    expect((await ask('OUTSIDE.shop.svc.cluster.local')).answers).toEqual([
      `${alias}. 30 CNAME www.example.org.`,
      'www.example.org. 30 CNAME edge.example.net.',
      'edge.example.net. 30 A 192.0.2.9',
    ]);
    expect((await ask(alias, 'CNAME')).answers).toEqual([`${alias}. 30 CNAME www.example.org.`]);
    expect((await ask(alias, 'SRV')).answers).toEqual([]);
  });
  it('is told without where that has no address, and not at all where nobody can say', async () => {
    const known = await serverAsking(fails(3));
    expect(await known.ask(alias)).toMatchObject({
      rcode: 'NOERROR',
      answers: [`${alias}. 30 CNAME www.example.org.`],
    });
    const unknown = await serverAsking(fails(2));
    expect(await unknown.ask(alias)).toMatchObject({ rcode: 'NOERROR', answers: [], authority: [expect.stringContaining('SOA')] }); // prettier-ignore
  });
  it('does not follow names that point to each other, or to themselves', async () => {
    const { ask } = await serverAsking((query) => [
      answerTo(query, { records: [[5, 60, Buffer.from([0xc0, 12 + query.length])], [5, 60, Buffer.from([0xff, 0xff])], A(1, 2, 3, 4)] }), // prettier-ignore
    ]);
    expect((await ask(alias)).rcode).toBe('NOERROR');
  });
});

it('whatever another server says is read to its end, or not at all', () => {
  const packet = answerTo(question('www.example.org', 'A'), { records: [A(1, 2, 3, 4), [5, 1, wireName('a.b')]] });
  const changes = fc.array(fc.tuple(fc.nat(packet.length - 1), fc.nat(255)), { maxLength: 8 });
  fc.assert(
    fc.property(changes, fc.nat(packet.length), fc.uint8Array({ maxLength: 20 }), (changed, cut, more) => {
      const bytes = Buffer.concat([packet.subarray(0, cut), more]);
      for (const [at, to] of changed) if (at < bytes.length) bytes[at] = to;
      const message = readMessage(bytes);
      for (const { end } of message?.records ?? []) expect(end).toBeLessThanOrEqual(bytes.length);
    }),
    { numRuns: 1_000 },
  );
});

it.each([
  ['10.0.0.2', { host: '10.0.0.2', port: 53 }],
  ['10.0.0.2:5353', { host: '10.0.0.2', port: 5353 }],
  ['fd00::2', { host: 'fd00::2', port: 53 }],
  ['[fd00::2]:5353', { host: 'fd00::2', port: 5353 }],
  ['dns.example', undefined],
  ['10.0.0.2:0', undefined],
  ['10.0.0.2:65536', undefined],
  ['', undefined],
])('%j is the server %j', (text, expected) => expect(parseUpstream(text)).toEqual(expected));
it('a resolv.conf names three servers at most', () => {
  const text = '# nameserver 1.1.1.1\nsearch a b\n nameserver\t10.0.0.1 \nnameserver fd00::1\nnameserver 10.0.0.1\nnameserver no\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n'; // prettier-ignore
  expect(nameserversIn(text).map(({ host }) => host)).toEqual(['10.0.0.1', 'fd00::1', '10.0.0.2']);
});
