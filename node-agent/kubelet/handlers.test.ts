import { afterEach, describe, expect, it } from 'vitest';
import type { Probe } from '../../schemas/generated/core-v1.ts';
import { pods } from '../../actors/runtime/resources.ts';
import { RuntimeError, type ProbeKind, type ProbeResult } from '../runtime/interface.ts';
import { ProbeError, type Asked, type Handlers } from './handlers.ts';
import { bench, type Bench } from './testing/kubelet.ts';

let b: Bench;
afterEach(() => b.stop());
const every: Probe = { httpGet: { port: 80, path: '/' }, periodSeconds: 1, failureThreshold: 1, successThreshold: 1, timeoutSeconds: 1 }; // prettier-ignore
const fine: ProbeResult = { success: true, output: '' };
/** What is asked, and when, ms of the test's clock. */
let asked: { kind: string; at: number; who: Asked }[] = [];
let answer: (kind: ProbeKind) => ProbeResult | Error = () => fine;
let hook: Handlers['hook'] = async () => undefined;
const handlers = (since = 0): Handlers => ({
  since,
  async probe(who, kind) {
    asked.push({ kind, at: b.world.clock.now(), who });
    const said = answer(kind);
    if (said instanceof Error) throw said;
    return said;
  },
  hook: (...args) => hook(...args),
});
async function begin(since?: number): Promise<void> {
  asked = [];
  answer = () => fine;
  hook = async () => undefined;
  b = await bench({}, undefined, { handlers: handlers(since) });
}
const ready = (): boolean | undefined => b.pod('p')?.status?.containerStatuses?.[0]?.ready;
const main = (more: object) => ({ containers: [{ name: 'main', image: 'a', ...more }] });

describe('a kubelet that asks containers itself', () => {
  it('says whom it asks', async () => {
    await begin();
    await b.run('p', main({ readinessProbe: every }));
    await b.world.until(() => ready() === true);
    expect(asked[0]!.who).toMatchObject({ container: { name: 'main' }, ip: b.pod('p')!.status!.podIP });
    expect(asked[0]!.who.id).not.toBe('');
    await b.run('host', { ...main({ readinessProbe: every }), hostNetwork: true });
    await b.world.until(() => asked.some(({ who }) => who.pod.metadata.name === 'host'));
    expect(asked.at(-1)!.who.ip).toBe('172.18.0.2');
  });
  it('tells of probes that failed, that could not be made, and that went well but for something', async () => {
    await begin();
    answer = () => new ProbeError('unknown', 'strconv.Atoi: parsing "x": invalid syntax');
    await b.run('p', main({ readinessProbe: every }));
    const tells = (text: string) => b.world.until(() => b.told('p').some((event) => event.startsWith(text)), 5_000);
    await tells('Unhealthy: Readiness probe errored and resulted in unknown state: strconv.Atoi: parsing "x": invalid syntax');
    expect(ready()).not.toBe(true);
    answer = () => ({ success: false, output: 'HTTP probe failed with statuscode: 500' });
    await tells('Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 500');
    answer = () => ({ success: true, warning: true, output: 'Probe terminated redirects, Response body: x' });
    await tells('ProbeWarning: Readiness probe warning: Probe terminated redirects, Response body: x');
    await b.world.until(() => ready() === true);
    // What could not be asked changes nothing.
    answer = () => new ProbeError('failure', 'unexpected EOF');
    await tells('Unhealthy: Readiness probe errored and resulted in failure state: unexpected EOF');
    expect(ready()).toBe(true);
  }); // prettier-ignore
  it('of a pod that ends wants to know only whether it is ready still', async () => {
    await begin();
    await b.run('p', main({ readinessProbe: every, livenessProbe: every }), { stopAfterMs: 20_000 });
    await b.world.until(() => ready() === true);
    await b.api.client().delete(pods, 'p', 'default');
    await b.world.advance(100);
    asked = [];
    answer = () => ({ success: false, output: 'no' });
    await b.world.until(() => ready() === false, 5_000);
    await b.world.advance(3_000);
    expect(new Set(asked.map(({ kind }) => kind))).toEqual(new Set(['readiness']));
    expect(b.told('p').some((event) => event.includes('will be restarted'))).toBe(false);
    await b.world.until(() => b.pod('p') === undefined, 30_000);
    asked = [];
    await b.world.advance(5_000);
    expect(asked).toEqual([]);
  });
  it('waits from when a container began, whoever saw it begin', async () => {
    await begin();
    const delayed = { ...every, initialDelaySeconds: 60, periodSeconds: 10 };
    await b.run('p', main({ readinessProbe: delayed }));
    await b.world.advance(40_000);
    expect(asked).toEqual([]);
    const startedAt = Date.parse(b.pod('p')!.status!.containerStatuses![0]!.state!.running!.startedAt!);
    await b.restart();
    await b.world.until(() => asked.length > 0, 40_000);
    const { at } = asked[0]!;
    expect(at - startedAt).toBeGreaterThanOrEqual(60_000);
    expect(at - startedAt).toBeLessThan(62_000);
  });
  it('asks those that it found begun at times of their own', async () => {
    await begin(Number.MAX_SAFE_INTEGER);
    const names = ['a', 'b', 'c', 'd'];
    const slow = { ...every, periodSeconds: 100 };
    for (const name of names) await b.run(name, main({ readinessProbe: slow }));
    await b.world.until(() => new Set(asked.map(({ who }) => who.pod.metadata.name)).size === names.length, 100_000);
    const times = asked.map(({ at }) => at);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(5_000);
  });
  it('ends what cannot begin as its hook says, and shows why', async () => {
    await begin();
    hook = async (_asked, kind) => {
      if (kind === 'postStart') throw new RuntimeError('PostStartHookError', 'HTTP lifecycle hook (/x) failed');
    };
    await b.run('p', main({ lifecycle: { postStart: { httpGet: { path: '/x', port: 80 } } } }));
    const waiting = () => b.pod('p')?.status?.containerStatuses?.[0]?.state?.waiting;
    await b.world.until(() => waiting()?.reason === 'PostStartHookError', 5_000);
    expect(waiting()?.message).toBe('HTTP lifecycle hook (/x) failed');
    expect(b.told('p')).toEqual(expect.arrayContaining(['FailedPostStartHook: PostStartHook failed', 'Killing: FailedPostStartHook'])); // prettier-ignore
  });
});
