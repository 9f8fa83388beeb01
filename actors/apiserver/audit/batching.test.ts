import { describe, expect, it } from 'vitest';
import { simulate } from '../../../bus/memory/simulation.ts';
import { sinkOf, type AuditBackend, type AuditMode, type BatchOptions } from './batching.ts';
import { legacyLine, unionSink, type AuditedEvent } from './sink.ts';

const event = (line: string, more: Partial<AuditedEvent> = {}): AuditedEvent => ({
  line,
  legacy: () => `old ${line}`,
  ...more,
});
const BATCH: BatchOptions = { bufferSize: 100, maxSize: 3, maxWaitMs: 1000, throttle: undefined, parallel: true };
function sinkWith(mode: AuditMode, batch: Partial<BatchOptions> = {}, more: { maxEventSize?: number; kept?: boolean } = {}) {
  const simulation = simulate(1);
  const world = simulation.world('apiserver');
  const calls: string[][] = [];
  const waiting: ((kept: boolean) => void)[] = [];
  const lost: [plugin: string, events: number, why: string][] = [];
  const backend: AuditBackend = {
    isRemote: true,
    begin: () => undefined,
    process(lines) {
      calls.push([...lines]);
      return more.kept ?? new Promise<boolean>((resolve) => void waiting.push(resolve));
    },
    close: () => Promise.resolve(),
  };
  const sink = sinkOf(backend, {
    mode,
    batch: { ...BATCH, ...batch },
    truncate: more.maxEventSize === undefined ? undefined : { maxEventSize: more.maxEventSize },
  });
  sink.begin!({ world, failed: (...args) => void lost.push(args) });
  return { sink, calls, waiting, lost, simulation };
} // prettier-ignore

describe('batches', () => {
  it('go when there are enough, or after a while', async () => {
    const { sink, calls, simulation } = sinkWith('batch', {}, { kept: true });
    for (const line of ['a', 'b', 'c', 'd']) expect(sink.write(event(line))).toBe(true);
    expect(calls).toEqual([['a', 'b', 'c']]);
    await simulation.advance(999);
    expect(calls).toHaveLength(1);
    await simulation.advance(1);
    expect(calls[1]).toEqual(['d']);
  });
  it('nobody waits for them; what finds no place is lost and counted, and so is what is under way for too long', async () => {
    const { sink, calls, lost, waiting, simulation } = sinkWith('batch', { bufferSize: 4, maxSize: 2 });
    expect(sink.waits).toBe(false);
    for (let i = 0; i < 12; i++) expect(sink.write(event(String(i)))).toBe(true);
    // Four are under way, four wait.
    expect(calls).toEqual([['0', '1'], ['2', '3']]); // prettier-ignore
    expect(lost).toEqual(Array.from({ length: 4 }, () => ['buffered', 1, 'audit buffer queue blocked']));
    waiting.shift()!(true);
    await simulation.advance(0);
    expect(calls[2]).toEqual(['4', '5']);
  });
  it('are no more a second than they may be', async () => {
    const { sink, calls, simulation } = sinkWith('batch', { maxSize: 1, throttle: { qps: 2, burst: 3 } }, { kept: true });
    for (let i = 0; i < 6; i++) void sink.write(event(String(i)));
    expect(calls).toHaveLength(3);
    await simulation.advance(500);
    expect(calls).toHaveLength(4);
    await simulation.advance(1000);
    expect(calls).toHaveLength(6);
  }); // prettier-ignore
  it('one at a time where the backend takes no more', async () => {
    const { sink, calls, waiting, simulation } = sinkWith('batch', { maxSize: 1, parallel: false });
    void sink.write(event('a'));
    void sink.write(event('b'));
    expect(calls).toEqual([['a']]);
    waiting[0]!(true);
    await simulation.advance(0);
    expect(calls).toEqual([['a'], ['b']]);
  });
  it('all go when the server leaves, which waits for them, but not for good', async () => {
    const { sink, calls, waiting, lost, simulation } = sinkWith('batch', {});
    void sink.write(event('a'));
    const closed = sink.close!();
    expect(calls).toEqual([['a']]);
    waiting[0]!(true);
    await closed;
    expect(sink.write(event('b'))).toBe(true);
    expect(lost).toEqual([['buffered', 1, 'audit backend shut down']]);
    const stuck = sinkWith('batch', {});
    void stuck.sink.write(event('a'));
    const gaveUp = stuck.sink.close!();
    await stuck.simulation.advance(10_000);
    await gaveUp;
    void simulation;
  });
});
it.each([
  ['blocking', true],
  ['blocking-strict', false],
] as const)('in mode %s who asks waits, and hears %j if it is not kept', async (mode, heard) => {
  const { sink, waiting } = sinkWith(mode);
  expect(sink.waits).toBe(true);
  const kept = sink.write(event('a'));
  waiting[0]!(false);
  expect(await kept).toBe(heard);
});
it('what is too large goes without its objects, or not at all', () => {
  const { sink, calls, lost } = sinkWith('blocking', {}, { maxEventSize: 10, kept: true });
  void sink.write(event('small'));
  void sink.write(event('x'.repeat(20), { truncated: () => 'cut' }));
  void sink.write(event('ü'.repeat(6)));
  expect(calls).toEqual([['small'], ['cut']]);
  expect(lost).toEqual([['truncate', 1, 'event is too large even after truncating']]);
});
it('of several sinks all have to keep it', async () => {
  const sinks = [sinkWith('blocking-strict', {}, { kept: true }), sinkWith('blocking-strict', {}, { kept: false })];
  expect(unionSink(sinks.map(({ sink }) => sink)).write(event('a'))).toBe(false);
  const later = sinkWith('blocking-strict');
  const both = unionSink([sinks[0]!.sink, later.sink]);
  const kept = both.write(event('a'));
  later.waiting[0]!(true);
  expect([both.waits, await kept]).toEqual([true, true]);
});
it('the line for people says who asked what, and as whom', () => {
  const shown = {
    auditID: 'i', stage: 'ResponseComplete', sourceIPs: ['10.0.0.1', '10.0.0.2'], verb: 'get', user: { username: 'u', groups: ['a', 'b"'] },
    impersonatedUser: { username: 'w', groups: ['c'] }, userAgent: 'me', objectRef: { namespace: 'd' }, requestURI: '/x', responseStatus: { code: 200 },
  }; // prettier-ignore
  expect(legacyLine(shown, '2026-01-02T03:04:05.120000Z')).toBe(
    String.raw`2026-01-02T03:04:05.12Z AUDIT: id="i" stage="ResponseComplete" ip="10.0.0.1" method="get" user="u" groups="\"a\",\"b\\\"\"" as="w" asgroups="\"c\"" user-agent="me" namespace="d" uri="/x" response="200"`,
  );
  expect(legacyLine({}, '2026-01-02T03:04:05.000000Z')).toBe(
    '2026-01-02T03:04:05Z AUDIT: id="" stage="" ip="<unknown>" method="" user="<none>" groups="<none>" as="<self>" asgroups="<lookup>" user-agent="" namespace="<none>" uri="" response="<deferred>"',
  );
});
