import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../bus/testing/until.ts';
import type { Pod, Secret } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { testWorld } from '../../../actors/runtime/testing/world.ts';
import { Keyring, type Credential } from './keyring.ts';
import { createPulls } from './pulls.ts';
import { PullRecords } from './records.ts';
import { createTurns } from './turns.ts';
import { patternProblem, verification, type VerificationPolicy } from './verification.ts';

const b64 = (text: string): string => Buffer.from(text).toString('base64');
const user = (name: string) => ({ auth: b64(`${name}:pa:ss`) });
const secretOf = (name: string, auths: object, uid = `uid-${name}`): Secret => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'shop', uid },
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': b64(JSON.stringify({ auths })) },
});
const keyringOf = (auths: object): Keyring => {
  const keyring = new Keyring();
  keyring.addConfig(JSON.stringify({ auths }), undefined);
  return keyring;
};

describe('credentials', () => {
  it.each<[object, string, string[]]>([
    [{ 'quay.io': user('q') }, 'quay.io/a/b', ['q']],
    [{ 'https://quay.io/v1/': user('q') }, 'quay.io/a/b', ['q']],
    [{ 'quay.io': user('q'), 'quay.io/a': user('a'), 'quay.io/b': user('b') }, 'quay.io/a/x', ['a', 'q']],
    [{ 'quay.io/v2/a': user('a') }, 'quay.io/a/x', ['a']],
    [{ 'quay.io:5000': user('q') }, 'quay.io/a', []],
    [{ 'quay.io:5000': user('q') }, 'quay.io:5000/a', ['q']],
    [{ '*.example.org': user('x') }, 'r1.example.org/a', ['x']],
    [{ '*.example.org': user('x') }, 'a.r1.example.org/a', []],
    [{ 'r?.example.org': user('x') }, 'r1.example.org/a', []],
    [{ 'rx.example.org': user('x') }, 'r.x.example.org/a', []],
    [{ 'https://index.docker.io/v1/': user('hub') }, 'docker.io/library/nginx', ['hub']],
    [{ 'docker.io': user('hub') }, 'docker.io/library/nginx', ['hub']],
    [{ 'https://index.docker.io/v1/': user('hub') }, 'quay.io/a', []],
    [{}, 'quay.io/a', []],
  ])('%j for %s: %j', (auths, repository, names) =>
    expect(keyringOf(auths).lookup(repository).map(({ username }) => username)).toEqual(names)); // prettier-ignore
  it('are of either form, and say whose they are', () => {
    const keyring = new Keyring();
    keyring.addSecret(secretOf('new', { 'quay.io': { username: 'u', password: 'p' } }));
    keyring.addSecret({ ...secretOf('old', {}), type: 'kubernetes.io/dockercfg', data: { '.dockercfg': b64(JSON.stringify({ 'quay.io': user('o') })) } });
    keyring.addSecret({ ...secretOf('none', { 'quay.io': user('x') }), type: 'Opaque' });
    expect(keyring.lookup('quay.io/a').map(({ username, password, source }) => [username, password, source?.name])).toEqual([['u', 'p', 'new'], ['o', 'pa:ss', 'old']]);
    expect(() => keyringOf({ 'quay.io': { auth: b64('nobody') } })).toThrow('unable to parse auth field, must be formatted as base64(username:password)');
  }); // prettier-ignore
});

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kbH'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const credential = (name: string, uid = `uid-${name}`, password = 'p'): Credential => ({
  username: name,
  password,
  hash: `hash-${name}-${password}`,
  source: { kind: 'Secret', uid, namespace: 'shop', name },
});

describe('images that are there', () => {
  const world = testWorld();
  const may = (records: PullRecords, image: string, ...own: Credential[]) => records.mayUse(image, 'id-1', async () => own);
  const pulled = (records: PullRecords, image: string, used?: Credential) => records.pulling(image, async () => ({ imageRef: 'id-1', used }));
  it('are everybody’s where nobody pulled them, or without credentials of a pod', async () => {
    const records = await PullRecords.open(world, folder);
    expect(await may(records, 'quay.io/a:1')).toBe(true);
    await pulled(records, 'quay.io/a:1');
    expect(await may(records, 'quay.io/a:2')).toBe(true);
  });
  it('are for those with the credentials that they were pulled with, by the name that they were pulled by', async () => {
    const records = await PullRecords.open(world, folder);
    await pulled(records, 'quay.io/a:1', credential('one'));
    expect(await may(records, 'quay.io/a:1')).toBe(false);
    expect(await may(records, 'quay.io/a:1', credential('other'))).toBe(false);
    expect(await may(records, 'quay.io/a@sha256:00', credential('one'))).toBe(true);
    expect(await may(records, 'quay.io/b:1', credential('one'))).toBe(false);
    // The same words in another Secret, and other words in the same.
    expect(await may(records, 'quay.io/a:1', { ...credential('one'), source: { kind: 'Secret', uid: 'x', namespace: 'y', name: 'z' } })).toBe(true);
    expect(await may(records, 'quay.io/a:1', credential('one', 'uid-one', 'changed'))).toBe(true);
    // Nobody need know either any more.
    await pulled(records, 'quay.io/a:1');
    expect(await may(records, 'quay.io/a:1')).toBe(true);
  });
  it('are for the account of whose token a program made the credentials', async () => {
    const records = await PullRecords.open(world, folder);
    const of = (kind: 'Secret' | 'ServiceAccount', uid: string): Credential => ({ ...credential('one'), source: { kind, uid, namespace: 'shop', name: 'one' } });
    await pulled(records, 'quay.io/a:1', of('ServiceAccount', 'sa'));
    await pulled(records, 'quay.io/a:1', of('Secret', 'secret'));
    const again = await PullRecords.open(world, folder);
    expect(await may(again, 'quay.io/a:1', of('ServiceAccount', 'sa'))).toBe(true);
    expect(await may(again, 'quay.io/a:1', of('ServiceAccount', 'other'))).toBe(false);
    expect(await may(again, 'quay.io/a:1', of('Secret', 'secret'))).toBe(true);
  });
  it.each<[VerificationPolicy, string[], boolean[]]>([
    ['NeverVerify', [], [true, true, true]],
    ['NeverVerifyPreloadedImages', [], [true, true, false]],
    ['AlwaysVerify', [], [false, false, false]],
    ['NeverVerifyAllowlistedImages', ['quay.io/b'], [false, true, false]],
    ['NeverVerifyAllowlistedImages', ['quay.io/*'], [true, true, true]],
  ])('are shown by %s %j to who has nothing to show', async (policy, allowed, expected) => {
    const records = await PullRecords.open(world, folder, verification(policy, allowed));
    await records.pulling('quay.io/c:1', async () => ({ imageRef: 'id-3', used: credential('one') }));
    const may = [['quay.io/a:1', 'id-1'], ['quay.io/b@sha256:00', 'id-2'], ['quay.io/c:1', 'id-3']].map(([image, id]) => records.mayUse(image!, id!, async () => []));
    expect(await Promise.all(may)).toEqual(expected);
  });
  it.each([
    ['quay.io/a', undefined],
    ['quay.io/*', undefined],
    [' quay.io/a', 'leading/trailing spaces are not allowed:  quay.io/a'],
    ['', 'the supplied pattern is too short: '],
    ['/*', 'at least registry hostname is required'],
    ['quay.io/*/a', "not a valid wildcard pattern, only patterns ending with '/*' are allowed: quay.io/*/a"],
    ['quay.io/a:1', 'neither tag nor digest is accepted in an image reference: quay.io/a:1'],
  ])('are allowed by the pattern %j: %s', (pattern, problem) => expect(patternProblem(pattern)).toBe(problem));
  it('are so after the kubelet has ended, also while it pulled', async () => {
    const records = await PullRecords.open(world, folder);
    await pulled(records, 'quay.io/a:1', credential('one'));
    void records.pulling('bb', () => new Promise<never>(() => undefined));
    await until(async () => (await readdir(join(folder, 'pulling'))).length > 0);
    await writeFile(join(folder, 'pulled', 'sha256-broken'), '{');
    const again = await PullRecords.open(world, folder);
    expect([await may(again, 'quay.io/a:1'), await may(again, 'quay.io/a:1', credential('one'))]).toEqual([false, true]);
    expect(await again.mayUse('bb', 'id-2', async () => [])).toBe(false);
    await again.settle([{ id: 'id-2', names: ['docker.io/library/bb:latest'] }]);
    // Who knows with whose credentials it came.
    expect(await again.mayUse('bb', 'id-2', async () => [])).toBe(false);
    // The other has been removed since.
    expect(await may(again, 'quay.io/a:1')).toBe(true);
    expect(await readdir(join(folder, 'pulling'))).toEqual([]);
  });
  it('are forgotten when they are gone, but not what came since somebody looked', async () => {
    const records = await PullRecords.open(world, folder);
    await pulled(records, 'quay.io/a:1', credential('one'));
    await world.advance(10_000);
    const looked = world.clock.now() + 400;
    await records.pulling('quay.io/b:1', async () => ({ imageRef: 'id-2', used: credential('one') }));
    await records.prune([], looked);
    expect(await may(records, 'quay.io/a:1')).toBe(true);
    expect(await records.mayUse('quay.io/b:1', 'id-2', async () => [])).toBe(false);
    expect(await readdir(join(folder, 'pulled'))).toHaveLength(1);
    await world.advance(10_000);
    await records.prune(['id-2'], world.clock.now());
    // Pulled again while it is forgotten: what is on disk is what is known.
    await Promise.all([records.prune([], world.clock.now()), records.pulling('quay.io/b:1', async () => ({ imageRef: 'id-2', used: credential('two') }))]);
    const again = await PullRecords.open(world, folder);
    expect([await again.mayUse('quay.io/b:1', 'id-2', async () => [credential('one')]), await again.mayUse('quay.io/b:1', 'id-2', async () => [credential('two')])]).toEqual([false, true]);
  });
  it('are told of in files of the kubelet alone, without words', async () => {
    const records = await PullRecords.open(world, folder);
    await pulled(records, 'quay.io/a:1', credential('one', 'u', 'very-secret'));
    const [name = ''] = await readdir(join(folder, 'pulled'));
    const file = join(folder, 'pulled', name);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ kind: 'ImagePulledRecord', imageRef: 'id-1', credentialMapping: { 'quay.io/a': { kubernetesSecrets: [{ uid: 'u', namespace: 'shop', name: 'one' }] } } });
    expect(JSON.stringify(await readFile(file, 'utf8'))).not.toContain('"very-secret"');
  });
}); // prettier-ignore

describe('turns', () => {
  const never = new AbortController().signal;
  it.each<[object, number]>([
    [{}, 5],
    [{ serializeImagePulls: true }, 1],
    [{ maxParallelImagePulls: 2 }, 2],
    [{ serializeImagePulls: false }, 7],
  ])('%j: %i of 7 at once', async (limits, most) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let running = 0;
    const turns = createTurns(testWorld(), limits);
    const all = Array.from({ length: 7 }, () => turns.take(never, () => (running++, promise)));
    await until(() => running === most);
    resolve();
    await Promise.all(all);
    expect(running).toBe(7);
  });
  it('are refused where too many begin', async () => {
    const world = testWorld();
    const turns = createTurns(world, { registryPullQPS: 2, registryBurst: 1 });
    const begin = () => turns.take(never, async () => 'begun').catch((error: Error) => error.message);
    expect([await begin(), await begin()]).toEqual(['begun', 'pull QPS exceeded']);
    await world.advance(500);
    expect([await begin(), await begin()]).toEqual(['begun', 'pull QPS exceeded']);
  });
});

describe('pulls', () => {
  const podOf = (...names: string[]): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'shop' }, spec: { containers: [], imagePullSecrets: names.map((name) => ({ name })) } });
  const never = new AbortController().signal;
  async function bench() {
    const told: string[] = [];
    const records = await PullRecords.open(testWorld(), folder);
    const secrets = new Map([['one', secretOf('one', { 'quay.io': user('one') })], ['bad', secretOf('bad', { 'quay.io': { auth: b64('x') } })]]);
    const secret = async (_pod: Pod, name: string): Promise<Secret> => secrets.get(name) ?? Promise.reject(new ApiError('NotFound', `secret "${name}" not found`));
    const pulls = createPulls({ world: testWorld(), records, secret, configs: [join(folder, 'none.json'), join(folder, 'config.json')], tell: (_pod, reason, message) => void told.push(`${reason}: ${message}`) });
    return { pulls, told };
  }
  it('are made with the credentials of the pod, then of the node', async () => {
    const { pulls, told } = await bench();
    await writeFile(join(folder, 'config.json'), JSON.stringify({ auths: { 'quay.io': user('node') } }));
    const seen: string[] = [];
    const image = await pulls.pull(podOf('', 'none', 'one', 'nor'), 'quay.io/a/b:1', never, async (credentials) => {
      seen.push(...credentials.map(({ username }) => username));
      return { image: { id: 'id-9' }, used: credentials[0] };
    });
    expect([image, seen]).toEqual([{ id: 'id-9' }, ['one', 'node']]);
    expect(told).toEqual(['FailedToRetrieveImagePullSecret: Unable to retrieve some image pull secrets (none, nor); attempting to pull the image may not succeed.']);
    expect(await pulls.mayUse(podOf('one'), 'quay.io/a/b:1', 'id-9', never)).toBe(true);
    expect(await pulls.mayUse(podOf(), 'quay.io/a/b:1', 'id-9', never)).toBe(false);
    await expect(pulls.pull(podOf('bad'), 'quay.io/a', never, async () => expect.unreachable())).rejects.toMatchObject({ reason: 'ErrImagePull' });
  });
  it('are a few at once; who does not want to wait any more goes', async () => {
    const { pulls } = await bench();
    const ends: (() => void)[] = [];
    const pull = (image: string, signal = never) =>
      pulls.pull(podOf(), image, signal, () => new Promise<{ image: { id: string }; used: undefined }>((resolve) => ends.push(() => resolve({ image: { id: image }, used: undefined }))));
    const all = Array.from({ length: 7 }, (_, i) => pull(`quay.io/i${i}`));
    const controller = new AbortController();
    const given = pull('quay.io/late', controller.signal);
    await until(() => ends.length === 5);
    controller.abort(new Error('the pod ends'));
    await expect(given).rejects.toThrow('the pod ends');
    expect(ends).toHaveLength(5);
    let done = 0;
    for (const each of all) void each.then(() => done++);
    await until(() => {
      for (const end of ends.splice(0)) end();
      return done === 7;
    });
    expect((await Promise.all(all)).map(({ id }) => id)).toEqual(all.map((_, i) => `quay.io/i${i}`));
  });
}); // prettier-ignore
