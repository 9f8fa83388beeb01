import { describe, expect, it } from 'vitest';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { ApiError, reasonOf, type StatusReason } from '../../schemas/meta/status.ts';
import { pods } from '../runtime/resources.ts';
import { fakeApi } from '../runtime/testing/fake-api.ts';
import { testWorld } from '../runtime/testing/world.ts';
import { podInfo } from './snapshot/pod-info.ts';
import { bindSurely } from './sure-binding.ts';
import { aPod } from './testing/objects.ts';

type Fate = 'done' | `lost: ${StatusReason}` | `refused: ${StatusReason}` | 'bound elsewhere';

/** Binds one pod to node `a`, and tells what came of it, what was asked, and where the pod is. `fates` of the bindings asked for. */
async function bind(fates: readonly Fate[], looks: readonly (StatusReason | undefined)[] = [], abortAfterMs?: number) {
  const world = testWorld();
  const api = fakeApi(world);
  const client = api.client();
  const made = await client.create(pods, aPod('p'));
  const put = (nodeName: string): unknown =>
    client.patch(pods, 'p', 'default', 'merge', { spec: { nodeName } }, { fieldManager: 'test' });
  const nodeOf = (): string | undefined => api.object<Pod>(pods, 'default/p')?.spec?.nodeName;
  const [bindings, gets] = [[...fates], [...looks]];
  const asked: string[] = [];
  api.intercept = async ({ verb, resource }) => {
    if (verb === 'get') {
      asked.push('where');
      const reason = gets.shift();
      if (reason !== undefined) throw new ApiError(reason, 'away');
    }
    if (resource !== 'pods/binding') return;
    asked.push('bind');
    if (nodeOf() !== undefined) throw new ApiError('Conflict', `pod p is already assigned to node "${nodeOf()}"`);
    const fate = bindings.shift() ?? 'done';
    if (fate === 'done') return;
    if (fate === 'bound elsewhere') {
      await put('b');
      throw new ApiError('Conflict', 'pod p is already assigned to node "b"');
    }
    const [what, reason] = fate.split(': ') as [string, StatusReason];
    if (what === 'lost') await put('a');
    throw new ApiError(reason, what);
  };
  let outcome: string | undefined;
  const abort = new AbortController();
  if (abortAfterMs !== undefined) world.clock.setTimeout(() => abort.abort(), abortAfterMs);
  const began = world.clock.now();
  void bindSurely({ client, world }, podInfo(made), 'a', {}, abort.signal).then(
    () => (outcome = 'bound'),
    (error: unknown) => (outcome = String(reasonOf(error))),
  );
  await world.until(() => outcome !== undefined, 400_000);
  return { outcome, asked: asked.join(' '), node: nodeOf(), ms: world.clock.now() - began };
}

describe('a binding', () => {
  it.each<[string, readonly Fate[], { outcome: string; asked: string; node: string | undefined }]>([
    ['that is done', [], { outcome: 'bound', asked: 'bind', node: 'a' }],
    ['whose answer is lost', ['lost: Timeout'], { outcome: 'bound', asked: 'bind bind where', node: 'a' }],
    ['that nobody hears of at first', ['refused: ServiceUnavailable'], { outcome: 'bound', asked: 'bind bind', node: 'a' }],
    ['that is refused', ['refused: Forbidden'], { outcome: 'Forbidden', asked: 'bind', node: undefined }],
    ['that a webhook fails', ['refused: InternalError'], { outcome: 'InternalError', asked: 'bind', node: undefined }],
    ['of a pod that is gone', ['refused: NotFound'], { outcome: 'NotFound', asked: 'bind', node: undefined }],
    ['of one that others bound', ['bound elsewhere'], { outcome: 'Conflict', asked: 'bind where', node: 'b' }],
    ['of one that others bound while nobody answered', ['refused: Timeout', 'bound elsewhere'], { outcome: 'Conflict', asked: 'bind bind where', node: 'b' }],
    ['that a deposed leader asks for', ['refused: Conflict'], { outcome: 'Conflict', asked: 'bind where', node: undefined }],
    ['that never gets an answer', Array.from({ length: 9 }, (): Fate => 'refused: Timeout'), { outcome: 'Timeout', asked: 'bind bind bind bind where', node: undefined }],
  ])('%s', async (_, fates, expected) => {
    expect(await bind(fates)).toMatchObject(expected);
  }); // prettier-ignore
  it('keeps its place while nobody says where the pod is', async () => {
    const { outcome, asked } = await bind(['lost: Timeout'], ['Timeout', 'ServiceUnavailable', undefined]);
    expect([outcome, asked]).toEqual(['bound', 'bind bind where where where']);
  });
  it('gives it up in the end', async () => {
    const { outcome, asked } = await bind(
      ['lost: Timeout'],
      Array.from({ length: 99 }, () => 'Timeout' as const),
    );
    expect([outcome, asked.match(/where/g)?.length]).toEqual(['Conflict', 60]);
  });
  it.each<[string, Fate, StatusReason[], number, string, string]>([
    ['before it is asked for again', 'refused: Timeout', [], 100, 'Timeout', 'bind'],
    ['while nobody says where the pod is', 'lost: Timeout', ['Timeout', 'Timeout', 'Timeout'], 3000, 'Conflict', 'bind bind where'],
  ])('ends at once when another leads, %s', async (_, fate, looks, after, outcome, asked) => {
    expect(await bind([fate, fate], looks, after)).toMatchObject({ outcome, asked, ms: after });
  }); // prettier-ignore
  it('is given up where the pod cannot be looked at', async () => {
    expect((await bind(['lost: Timeout'], ['Forbidden'])).outcome).toBe('Conflict');
  });
});
