import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import { createRegistry } from '../../../actors/runtime/metrics/registry.ts';
import { testWorld } from '../../../actors/runtime/testing/world.ts';
import type { Pod, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import { machineCommands } from '../../host/commands.ts';
import { readCredentialProviders, type ProviderConfiguration } from './configuration.ts';
import { credentialProgram, type ProviderRequest, type ProviderResponse } from './program.ts';
import { CredentialProvider } from './provider.ts';
import { credentialProviders, findCredentialProviders } from './providers.ts';

const V1 = 'credentialprovider.kubelet.k8s.io/v1';
const good: ProviderConfiguration = {
  name: 'knows',
  matchImages: ['*.test:5000/team'],
  defaultCacheDuration: '1m',
  apiVersion: V1,
};
const token = {
  serviceAccountTokenAudience: 'r.test',
  cacheType: 'ServiceAccount',
  requireServiceAccount: true,
} as const;
const fileOf = (...providers: object[]): string =>
  JSON.stringify({ kind: 'CredentialProviderConfig', apiVersion: 'kubelet.config.k8s.io/v1', providers });

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kbC'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const write = async (name: string, text: string, mode = 0o644): Promise<string> => {
  await writeFile(join(folder, name), text, { mode });
  await chmod(join(folder, name), mode);
  return join(folder, name);
};

describe('the configuration', () => {
  const refusal = async (...providers: object[]): Promise<string> =>
    readCredentialProviders(await write('c.json', fileOf(...providers))).then(() => '', (error: Error) => error.message);
  it('is a file, or all files of a folder, and is known by a hash', async () => {
    const { providers, hash } = await readCredentialProviders(await write('b.yaml', fileOf(good)));
    expect([providers, hash]).toEqual([[good], expect.stringMatching(/^sha256:[0-9a-f]{64}$/)]);
    await write('a.json', fileOf({ ...good, name: 'other' }));
    await write('ignored.txt', 'no');
    const all = await readCredentialProviders(folder);
    expect(all.providers.map(({ name }) => name)).toEqual(['other', 'knows']);
    expect(all.hash).not.toBe(hash);
    await write('c.yml', fileOf(good));
    await expect(readCredentialProviders(folder)).rejects.toThrow('duplicate provider name "knows" found in configuration file(s)');
  });
  it('must be there and readable', async () => {
    await expect(readCredentialProviders(join(folder, 'none'))).rejects.toThrow(`unable to access path "${folder}/none": stat ${folder}/none: no such file or directory`);
    await mkdir(join(folder, 'empty'));
    await expect(readCredentialProviders(join(folder, 'empty'))).rejects.toThrow(`no configuration files found in directory "${folder}/empty"`);
    await expect(readCredentialProviders(await write('c.yaml', fileOf({ ...good, more: 1 })))).rejects.toThrow(`error decoding config "${folder}/c.yaml": strict decoding error: unknown field "providers[0].more"`);
  });
  it.each<[string, object[], string]>([
    ['none', [], 'providers: Required value: at least 1 item in plugins is required'],
    ['a path', [{ ...good, name: 'a/b' }], 'providers.name: Invalid value: "a/b": provider name cannot contain \'/\''],
    ['a space', [{ ...good, name: 'a b' }], 'providers.name: Invalid value: "a b": provider name cannot contain spaces'],
    ['a folder', [{ ...good, name: '..' }], 'providers.name: Invalid value: "..": provider name cannot be \'..\''],
    ['another version', [{ ...good, apiVersion: 'v2' }], `providers.apiVersion: Unsupported value: "v2": supported values: "${V1}", "${V1}alpha1", "${V1}beta1"`],
    ['no images', [{ ...good, matchImages: [] }], 'providers.matchImages: Required value: at least 1 item in matchImages is required'],
    ['no place', [{ ...good, matchImages: ['a:x/y'] }], 'providers.matchImages: Invalid value: "a:x/y": match image is invalid: parse "https://a:x/y": invalid port ":x" after host'],
    ['a time before', [{ ...good, defaultCacheDuration: '-1s' }], 'providers.defaultCacheDuration: Invalid value: "-1s": must be greater than or equal to 0'],
    ['no type of cache', [{ ...good, tokenAttributes: { ...token, cacheType: undefined } }], 'providers.tokenAttributes.cacheType: Required value: cacheType is required to be set when tokenAttributes is specified. Supported values are: ServiceAccount, Token'],
    ['annotations of nobody', [{ ...good, tokenAttributes: { ...token, requireServiceAccount: false, requiredServiceAccountAnnotationKeys: ['a'] } }], 'providers.tokenAttributes.requiredServiceAccountAnnotationKeys: Forbidden: requireServiceAccount cannot be false when requiredServiceAccountAnnotationKeys is set'],
    ['annotations twice', [{ ...good, tokenAttributes: { ...token, requiredServiceAccountAnnotationKeys: ['a'], optionalServiceAccountAnnotationKeys: ['a'] } }], 'providers.tokenAttributes: Invalid value: ["a"]: annotation keys cannot be both required and optional'],
    ['a token for an old program', [{ ...good, apiVersion: `${V1}beta1`, tokenAttributes: token }], `providers.tokenAttributes: Forbidden: tokenAttributes is only supported for ${V1} API version`],
  ])('with %s is refused', async (_what, providers, text) => {
    expect(await refusal(...providers)).toBe(`failed to validate credential provider config: ${text}`);
  });
  it('names programs that are there', async () => {
    const config = await write('c.json', fileOf(good));
    const flags = { imageCredentialProviderConfig: config, imageCredentialProviderBinDir: folder };
    await expect(findCredentialProviders({ ...flags, imageCredentialProviderBinDir: '/none' })).rejects.toThrow('plugin binary directory /none did not exist');
    await expect(findCredentialProviders(flags)).rejects.toThrow(`plugin binary executable ${folder}/knows did not exist`);
    await mkdir(join(folder, 'knows'));
    await expect(findCredentialProviders(flags)).rejects.toThrow(`error inspecting binary executable ${folder}/knows: is a directory`);
    expect(await findCredentialProviders({})).toBeUndefined();
  });
}); // prettier-ignore

describe('a program', () => {
  const world = realWorld({ level: 'silent' });
  const metrics = createRegistry();
  const answer = { kind: 'CredentialProviderResponse', apiVersion: V1, cacheKeyType: 'Image', cacheDuration: '1m30s', auth: { 'r.test': { username: 'u', password: 'p' } } };
  const asked = async (script: string, more: Partial<ProviderConfiguration> = {}): Promise<ProviderResponse> => {
    await write('knows', `#!/bin/sh\n${script}`, 0o755);
    const provider = { ...good, ...more };
    return credentialProgram({ world, commands: machineCommands(world), metrics, folder, provider })({ image: 'r.test/a', serviceAccountToken: 't' });
  };
  it('is asked in JSON, with arguments and variables', async () => {
    const response = await asked(`cat > ${folder}/heard; echo "$1 $A $HOME" >> ${folder}/heard; echo '${JSON.stringify(answer)}'`, { args: ['-x'], env: [{ name: 'A', value: 'b c' }] });
    expect(response).toEqual({ cacheKeyType: 'Image', cacheMs: 90_000, auth: answer.auth });
    const [request = '', rest] = (await readFile(join(folder, 'heard'), 'utf8')).split('\n');
    expect(JSON.parse(request)).toEqual({ kind: 'CredentialProviderRequest', apiVersion: V1, image: 'r.test/a', serviceAccountToken: 't' });
    expect(rest).toMatch(/^-x b c \//);
  });
  it.each([
    ['fails', 'echo no such user >&2; exit 3', 'error execing credential provider plugin knows for image r.test/a: exit status 3: no such user\n'],
    ['says nothing', '', "error reading GVK from response: couldn't get version/kind; json parse error"],
    ['speaks otherwise', `echo '${JSON.stringify({ ...answer, apiVersion: 'v2' })}'`, `apiVersion from credential plugin response did not match expected apiVersion:${V1}, actual apiVersion:v2`],
    ['says too much', `echo '${JSON.stringify({ ...answer, secret: 'word' })}'`, 'error decoding credential provider plugin response from stdout'],
    ['says what is no user', `echo '${JSON.stringify({ ...answer, auth: { a: { username: 1 } } })}'`, 'error decoding credential provider plugin response from stdout'],
  ])('that %s gives none', async (_what, script, text) => {
    await expect(asked(script)).rejects.toThrow(text);
  });
  it('that fails is one provider of several, and counted', async () => {
    await write('c.json', fileOf({ ...good, name: 'bad' }, good));
    await write('bad', '#!/bin/sh\nexit 1', 0o755);
    await write('knows', `#!/bin/sh\necho '${JSON.stringify({ ...answer, auth: { '*.test:5000': { username: 'u', password: 'p' } } })}'`, 0o755);
    const lookUp = await credentialProviders({ world, commands: machineCommands(world), metrics, imageCredentialProviderConfig: join(folder, 'c.json'), imageCredentialProviderBinDir: folder, accounts: { get: () => expect.unreachable(), token: () => expect.unreachable() } });
    expect((await lookUp(podOf(), 'r.test:5000/team/a')).map(({ username, source }) => [username, source])).toEqual([['u', undefined]]);
    expect(await lookUp(podOf(), 'r.test:5000/other')).toEqual([]);
    const text = metrics.families().flatMap(({ lines }) => lines).join('\n');
    expect(text).toContain('kubelet_credential_provider_plugin_errors_total{plugin_name="bad"} 1');
    expect(text).toMatch(/kubelet_credential_provider_config_info\{hash="sha256:[0-9a-f]{64}"\} 1/);
  });
}); // prettier-ignore

const podOf = (account = 'me', uid = 'pod-1'): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'shop', uid }, spec: { containers: [], serviceAccountName: account } }); // prettier-ignore
describe('what a program said', () => {
  const world = testWorld();
  const account = (annotations = {}): ServiceAccount => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'me', namespace: 'shop', uid: 'sa-1', annotations } });
  function bench(o: { response?: Partial<ProviderResponse>; of?: Partial<ProviderConfiguration>; annotations?: object } = {}) {
    const asked: ProviderRequest[] = [];
    const auth = { '*.test:5000': { username: 'u', password: 'p' } };
    let tokens = 0;
    const ask = async (request: ProviderRequest): Promise<ProviderResponse> => {
      asked.push(request);
      return { cacheKeyType: 'Image', cacheMs: undefined, auth, ...o.response };
    };
    const accounts = { get: async () => account(o.annotations), token: async () => `token-${tokens++}` };
    return { asked, provider: new CredentialProvider(world, { ...good, ...o.of }, ask, accounts) };
  }
  const count = async (b: ReturnType<typeof bench>, ...images: string[]): Promise<number> => {
    for (const image of images) await b.provider.provide(`r.test:5000/team/${image}`, podOf());
    return b.asked.length;
  };
  it.each([
    ['Image', 2],
    ['Registry', 1],
    ['Global', 1],
  ])('is kept by %s', async (cacheKeyType, times) => {
    expect(await count(bench({ response: { cacheKeyType } }), 'a', 'a', 'b', 'b')).toBe(times);
  });
  it('is kept as long as it says, or the configuration', async () => {
    const b = bench();
    await count(b, 'a');
    await world.advance(60_000);
    expect(await count(b, 'a')).toBe(1);
    await world.advance(1);
    expect(await count(b, 'a')).toBe(2);
    expect(await count(bench({ response: { cacheMs: 0 } }), 'a', 'a')).toBe(2);
    expect(await count(bench({ of: { defaultCacheDuration: '0s' } }), 'a', 'a')).toBe(2);
  });
  it('is one answer for all who ask at once; for others’ images nobody asks', async () => {
    const b = bench();
    await Promise.all(['a', 'a', 'b'].map((image) => b.provider.provide(`r.test:5000/team/${image}`, podOf())));
    expect(b.asked.map(({ image }) => image)).toEqual(['r.test:5000/team/a', 'r.test:5000/team/b']);
    expect(await b.provider.provide('other.test/a', podOf())).toBeUndefined();
    await expect(bench({ response: { cacheKeyType: 'x' } }).provider.provide('r.test:5000/team/a', podOf())).rejects.toThrow('credential provider plugin did not return a valid cacheKeyType: x');
  });
  it('with an account’s token is the account’s', async () => {
    const of = { tokenAttributes: { ...token, requiredServiceAccountAnnotationKeys: ['a'], optionalServiceAccountAnnotationKeys: ['b', 'c'] } };
    const b = bench({ of, annotations: { a: '1', b: '2', z: '3' } });
    const { source } = (await b.provider.provide('r.test:5000/team/a', podOf()))!;
    expect(source).toEqual({ kind: 'ServiceAccount', uid: 'sa-1', namespace: 'shop', name: 'me' });
    expect(b.asked).toEqual([{ image: 'r.test:5000/team/a', serviceAccountToken: 'token-0', serviceAccountAnnotations: { a: '1', b: '2' } }]);
    // Another token of the same account.
    await b.provider.provide('r.test:5000/team/a', podOf('me', 'pod-2'));
    expect(b.asked).toHaveLength(1);
    const byToken = bench({ of: { tokenAttributes: { ...token, cacheType: 'Token' } }, response: { auth: { 'r.test': { password: 'token-0' } } } });
    await byToken.provider.provide('r.test:5000/team/a', podOf());
    await byToken.provider.provide('r.test:5000/team/a', podOf('me', 'pod-2'));
    expect(byToken.asked).toHaveLength(2);
    expect(await bench({ of }).provider.provide('r.test:5000/team/a', podOf())).toBeUndefined();
    expect(await bench({ of }).provider.provide('r.test:5000/team/a', podOf(''))).toBeUndefined();
  });
  it('may not be the token itself, unless it is kept by token', async () => {
    const b = bench({ of: { tokenAttributes: token }, response: { auth: { 'r.test': { password: 'token-0' } } } });
    await expect(b.provider.provide('r.test:5000/team/a', podOf())).rejects.toThrow("returned the service account token as the password which is not allowed when service account cache type is not set to 'Token'");
  });
  it('of a pod without an account is the node’s where that is let', async () => {
    const b = bench({ of: { tokenAttributes: { ...token, requireServiceAccount: false } } });
    expect((await b.provider.provide('r.test:5000/team/a', podOf('')))?.source).toBeUndefined();
    expect(b.asked[0]?.serviceAccountToken).toBe('');
  });
}); // prettier-ignore
