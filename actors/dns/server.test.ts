import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { question, read, wireName } from './testing/packets.ts';
import { knownCluster, serverOf } from './testing/harness.ts';
import { NAMESPACES, QUESTIONS, SERVICES, SLICES } from './testing/objects.ts';
import { told } from './testing/told.ts';
import { nameOf, readQuery } from './wire/query.ts';

const WEB = 'web.shop.svc.cluster.local';
const { serve } = serverOf();
const ask = (packet: Buffer, via: 'udp' | 'tcp' = 'udp', server = serve): Buffer => server(packet, via) as Buffer;
const patched = (packet: Buffer, ...bytes: [at: number, value: number][]): Buffer => {
  const out = Buffer.from(packet);
  for (const [at, value] of bytes) out[at] = value;
  return out;
};

describe('a question', () => {
  it('is repeated as it was written, with its id, and what it points to too', () => {
    const answer = read(ask(question('wEb.SHOP.svc.Cluster.local', 'A', { id: 513 })));
    expect(answer).toMatchObject({ id: 513, question: 'wEb.SHOP.svc.Cluster.local. A', rcode: 'NOERROR' });
    expect(answer.answers).toEqual([`${WEB}. 30 A 10.96.0.20`]);
  });
  it.each([
    ['a bit that says it is an answer', patched(question(WEB, 'A'), [2, 0x80])],
    ['less than a header', question(WEB, 'A').subarray(0, 11)],
    ['nothing', Buffer.alloc(0)],
  ])('with %s is not answered', (_, packet) => expect(ask(packet)).toBeUndefined());
  it.each([
    ['no question', patched(question(WEB, 'A'), [5, 0]), 'FORMERR'],
    ['two questions', patched(question(WEB, 'A'), [5, 2]), 'FORMERR'],
    ['its end missing', question(WEB, 'A').subarray(0, 40), 'FORMERR'],
    ['a label that is too long', patched(question(WEB, 'A'), [12, 64]), 'FORMERR'],
    ['a pointer to itself for a name', patched(question(WEB, 'A'), [12, 0xc0], [13, 12]), 'FORMERR'],
    ['a name that is too long', question(Array.from({ length: 90 }, () => 'ab').join('.'), 'A'), 'FORMERR'],
    ['a record that it says it has', patched(question(WEB, 'A'), [11, 1]), 'FORMERR'],
    ['thousands of records', patched(question(WEB, 'A', { edns: 512 }), [10, 255]), 'FORMERR'],
    ['two OPT records', Buffer.concat([patched(question(WEB, 'A', { edns: 512 }), [11, 2]), question(WEB, 'A', { edns: 512 }).subarray(-11)]), 'FORMERR'],
    ['opcode STATUS', patched(question(WEB, 'A'), [2, 0x10]), 'NOTIMP'],
    ['opcode UPDATE', patched(question(WEB, 'A'), [2, 0x28]), 'NOTIMP'],
    ['opcode NOTIFY', patched(question(WEB, 'A'), [2, 0x20]), 'NOTIMP'],
    ['class CHAOS', question('version.bind', 'TXT', { class: 3 }), 'REFUSED'],
    ['class ANY', question(WEB, 'A', { class: 255 }), 'REFUSED'],
    ['a name of others, where nobody is asked', question('example.org', 'A'), 'REFUSED'],
    ['a whole zone', question('cluster.local', 'AXFR'), 'REFUSED'],
    ['a name with odd bytes', question('we\u0000b\u00ff.shop.svc.cluster.local', 'A'), 'NXDOMAIN'],
  ])('with %s: %#', (_, packet, rcode) => expect(read(ask(packet)).rcode).toBe(rcode)); // prettier-ignore
  it('is told that a later version of EDNS is not known, and which is', () => {
    const packet = patched(question(WEB, 'A', { edns: 1232 }), [question(WEB, 'A').length + 6, 1]);
    expect(read(ask(packet))).toMatchObject({ rcode: 'NOERROR', edns: { extended: 1 }, answers: [] });
  });
  it('has EDNS in its answer if it has it itself', () => {
    expect(read(ask(question(WEB, 'A'))).edns).toBeUndefined();
    expect(read(ask(question(WEB, 'A', { edns: 1232, dnssecOk: true }))).edns).toMatchObject({ dnssecOk: true });
  });
  it('about the cluster fails until the cluster is known', () => {
    let isKnown = false;
    const { serve: server } = serverOf({ isSynced: () => isKnown });
    expect(read(ask(question(WEB, 'A'), 'udp', server)).rcode).toBe('SERVFAIL');
    expect(read(ask(question('nothing.cluster.local', 'A'), 'udp', server)).rcode).toBe('SERVFAIL');
    expect(read(ask(question('example.org', 'A'), 'udp', server)).rcode).toBe('REFUSED');
    isKnown = true;
    expect(read(ask(question(WEB, 'A'), 'udp', server)).rcode).toBe('NOERROR');
  });
});

describe('many addresses', () => {
  const cluster = knownCluster();
  const ips = Array.from({ length: 200 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  cluster.putService({ ...SERVICES[4]!, metadata: { namespace: 'shop', name: 'many' } });
  cluster.putSlice({ ...SLICES[3]!, metadata: { ...SLICES[3]!.metadata, name: 'many', labels: { 'kubernetes.io/service-name': 'many' } }, endpoints: ips.map((ip) => ({ addresses: [ip] })) }); // prettier-ignore
  const { serve: server } = serverOf({ cluster });
  const many = 'many.shop.svc.cluster.local';
  it.each([
    ['udp', undefined, 512],
    ['udp', 100, 512],
    ['udp', 1232, 1232],
    ['udp', 65_535, 4096],
    ['tcp', undefined, 65_535],
  ] as const)('by %s for who takes %s bytes stay within %i, and it is said if some are missing', (via, edns, limit) => {
    const answer = ask(question(many, 'A', { ...(edns !== undefined && { edns }) }), via, server);
    const { answers, flags } = read(answer);
    expect(answer.length).toBeLessThanOrEqual(limit);
    expect(answers.length).toBe(Math.min(200, Math.floor((limit - (edns === undefined ? 0 : 11) - 45) / 16)));
    expect(flags.includes('tc')).toBe(answers.length < 200);
  });
  it('begin with another one each time, and none is missing', () => {
    const firsts = ips.map(() => read(ask(question(many, 'A'), 'tcp', server)).answers);
    expect(new Set(firsts.map(([first]) => first)).size).toBe(200);
    for (const answers of firsts) expect(answers.toSorted()).toEqual(firsts[0]!.toSorted());
  });
});

describe('whatever comes', () => {
  const limits = { udp: 4096, tcp: 65_535 } as const;
  const { serve: server, world } = serverOf();
  const check = (packet: Buffer, via: 'udp' | 'tcp'): void => {
    const answer = server(packet, via);
    expect(world.complaints).toEqual([]);
    // Names of others would be asked of others.
    if (answer === undefined || answer instanceof Promise) return;
    expect(answer.length).toBeLessThanOrEqual(limits[via]);
    expect(read(answer).id).toBe(packet.readUInt16BE(0));
    // No answer is a question to who gets it.
    expect(readQuery(answer)).toBeUndefined();
  };
  const via = fc.constantFrom('udp' as const, 'tcp' as const);
  it('of bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), via, (bytes, by) => check(Buffer.from(bytes), by)), { numRuns: 500 }); // prettier-ignore
  });
  it('of questions with some bytes changed, cut or added', () => {
    const changes = fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 6 });
    const change = fc.record({ at: fc.nat(QUESTIONS.length - 1), changes, cut: fc.nat(90), more: fc.uint8Array({ maxLength: 40 }) }); // prettier-ignore
    fc.assert(
      fc.property(change, via, (o, by) => {
        const [name = '', type = ''] = QUESTIONS[o.at]!.split(' ');
        const packet = patched(question(name, type, { edns: 900 }), ...o.changes.map(([at, to]) => [at, to] as [number, number])); // prettier-ignore
        check(Buffer.concat([packet.subarray(0, Math.max(12, packet.length - (o.cut > 45 ? o.cut - 45 : 0))), o.more]), by); // prettier-ignore
      }),
      { numRuns: 800 },
    );
  });
  it('is read as the labels that it is made of', () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(label, { maxLength: 8 }), (labels) => {
        const name = Buffer.concat([...labels.flatMap((l) => [Buffer.of(l.length), Buffer.from(l)]), Buffer.of(0)]);
        const packet = Buffer.concat([question('x', 'A').subarray(0, 12), name, Buffer.of(0, 1, 0, 1)]);
        const query = readQuery(packet);
        expect(typeof query === 'object' && nameOf(query.key)).toEqual(
          labels.map((l) =>
            Buffer.from(l)
              .toString('latin1')
              .replace(/[A-Z]/g, (c) => c.toLowerCase()),
          ),
        );
      }),
    );
  });
});

describe('what was answered before', () => {
  const services = fc.constantFrom(...SERVICES);
  const slices = fc.constantFrom(...SLICES);
  const names = fc.constantFrom(...NAMESPACES);
  const change = fc.oneof(
    fc.record({ do: fc.constant('service' as const), of: services, there: fc.boolean() }),
    fc.record({ do: fc.constant('slice' as const), of: slices, there: fc.boolean(), ready: fc.boolean() }),
    fc.record({ do: fc.constant('namespace' as const), of: names, there: fc.boolean() }),
    fc.record({ do: fc.constant('pod' as const), of: names, there: fc.boolean() }),
  );
  it('is answered otherwise as soon as the cluster is another', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 12 }), fc.array(fc.nat(QUESTIONS.length - 1), { minLength: 1, maxLength: 6 }), (changes, asked) => {
        const [old, now] = [knownCluster(), knownCluster()];
        const kept = serverOf({ cluster: old, pods: 'verified' }).serve;
        const all = (server: typeof kept): string[] =>
          asked.map((i) => told(ask(question(...(QUESTIONS[i]!.split(' ') as [string, string])), 'tcp', server)));
        for (const c of changes) {
          for (const cluster of [old, now])
            if (c.do === 'service')
              if (c.there) cluster.putService(c.of);
              else cluster.dropService(c.of.metadata.namespace!, c.of.metadata.name!);
            else if (c.do === 'namespace')
              if (c.there) cluster.putNamespace(c.of);
              else cluster.dropNamespace(c.of);
            else if (c.do === 'pod')
              if (c.there) cluster.putPod(c.of, '10.244.0.5');
              else cluster.dropPod(c.of, '10.244.0.5');
            else if (c.there) cluster.putSlice({ ...c.of, endpoints: c.of.endpoints?.map((e) => ({ ...e, conditions: { ready: c.ready } })) });
            else cluster.dropSlice(c.of);
          // Nobody has asked this one before.
          expect(all(kept)).toEqual(all(serverOf({ cluster: now, pods: 'verified' }).serve));
        }
      }),
      { numRuns: 150 },
    ); // prettier-ignore
  });
  it('is kept for so many questions only', () => {
    const { serve: server, answers } = serverOf();
    for (let i = 0; i < 10_050; i++) ask(question(`10-${i >> 16}-${(i >> 8) & 255}-${i & 255}.shop.pod.cluster.local`, 'A'), 'udp', server); // prettier-ignore
    expect(answers.size).toBe(10_000);
  });
});

it('pods are looked for where that is asked', () => {
  const cluster = knownCluster();
  cluster.putPod('shop', '10.244.0.5');
  const { serve: server } = serverOf({ cluster, pods: 'verified' });
  const of = (name: string): string => read(ask(question(`${name}.pod.cluster.local`, 'A'), 'udp', server)).rcode;
  expect([of('10-244-0-5.shop'), of('10-244-0-6.shop'), of('10-244-0-5.default')]).toEqual(['NOERROR', 'NXDOMAIN', 'NXDOMAIN']); // prettier-ignore
  const off = serverOf({ cluster, pods: 'disabled' }).serve;
  expect(read(ask(question('10-244-0-5.shop.pod.cluster.local', 'A'), 'udp', off)).rcode).toBe('NXDOMAIN');
});

it('a slice that becomes another service’s is no longer of the first', () => {
  const cluster = knownCluster();
  const { serve: server } = serverOf({ cluster });
  const moved = { ...SLICES[1]!, metadata: { ...SLICES[1]!.metadata, labels: { 'kubernetes.io/service-name': 'nobody' } } }; // prettier-ignore
  cluster.putSlice(moved, SLICES[1]);
  const of = (name: string): number => read(ask(question(`${name}.shop.svc.cluster.local`, 'A'), 'udp', server)).answers.length; // prettier-ignore
  expect([of('db'), of('nobody')]).toEqual([1, 3]);
});

it('counts by CoreDNS’ names', () => {
  const { serve: server, registry } = serverOf();
  ask(question(WEB, 'A'), 'udp', server);
  ask(question('nothing.cluster.local', 'AAAA'), 'tcp', server);
  ask(patched(question(WEB, 'A'), [5, 0]), 'udp', server);
  const lines = registry
    .families()
    .flatMap((f) => f.lines.filter((l) => !l.startsWith('#') && /_dns_\w+_total\{/.test(l)));
  expect(lines).toEqual([
    'coredns_dns_requests_total{family="1",proto="udp",server="dns://test",type="A",zone="."} 1',
    'coredns_dns_requests_total{family="1",proto="tcp",server="dns://test",type="AAAA",zone="."} 1',
    'coredns_dns_requests_total{family="1",proto="udp",server="dns://test",type="other",zone="."} 1',
    'coredns_dns_responses_total{plugin="",rcode="NOERROR",server="dns://test",zone="."} 1',
    'coredns_dns_responses_total{plugin="",rcode="NXDOMAIN",server="dns://test",zone="."} 1',
    'coredns_dns_responses_total{plugin="",rcode="FORMERR",server="dns://test",zone="."} 1',
  ]);
});
it('names in packets are made as they are read', () => expect(wireName('a.bc').toString('latin1')).toBe('\u0001a\u0002bc\0')); // prettier-ignore
