import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RemoteTokens } from '../../actors/apiserver/authentication/options.ts';
import { createMetrics } from '../../actors/apiserver/metrics/index.ts';
import { realWorld } from '../../bus/real-world.ts';
import { until } from '../../bus/testing/until.ts';
import {
  adoptAuthentication,
  authenticationArguments,
  authenticationOf,
  checkAuthentication,
} from './authentication.ts';

let dir: string;
let opened: RemoteTokens[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-authentication-'));
  mkdirSync(join(dir, 'pki'));
});
afterEach(() => {
  for (const one of opened.splice(0)) one.stop();
  rmSync(dir, { recursive: true, force: true });
});
const write = (name: string, text: string): string => {
  const file = join(dir, name);
  // Whole at once: somebody may look at it.
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
  return file;
};
const config = (more: object = {}): string =>
  JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration', jwt: [], ...more });
const hook = (more: object = {}): string =>
  write('hook.yaml', JSON.stringify({
    clusters: [{ name: 'c', cluster: { server: 'https://h.example', ...more } }], users: [{ name: 'u', user: { token: 't' } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }], 'current-context': 'x',
  })); // prettier-ignore

describe('how people are known', () => {
  it('is not asked of those who were told nothing', async () => {
    expect(await authenticationOf(dir, {})).toBeUndefined();
    await adoptAuthentication(dir, {});
    expect(await authenticationOf(dir, {})).toBeUndefined();
  });
  it('is kept with the cluster, also where the files are gone by then, and for nobody else to read', async () => {
    const anonymous = { enabled: true, conditions: [{ path: '/livez' }] };
    const file = write('auth.yaml', config({ anonymous }));
    const kubeconfig = hook();
    await adoptAuthentication(dir, { authenticationConfig: file, authenticationTokenWebhookConfigFile: kubeconfig });
    rmSync(file);
    rmSync(kubeconfig);
    const options = await authenticationOf(dir, {});
    expect(options?.anonymous).toEqual({ enabled: true, paths: new Set(['/livez']) });
    expect(options?.remote.length).toBe(2);
    expect(statSync(join(dir, 'pki', 'authentication.json')).mode & 0o777).toBe(0o600);
    // Flags given count instead.
    expect(await authenticationOf(dir, { anonymousAuth: false })).toEqual({
      anonymous: { enabled: false },
      remote: [],
    });
  });
  it.each<[flags: () => Parameters<typeof checkAuthentication>[0], problem: string]>([
    [() => ({ authenticationConfig: '/none' }), 'failed to load authentication configuration from file "/none": open /none: no such file or directory'],
    [() => ({ authenticationConfig: write('a', '') }), '/a": empty config data'],
    [() => ({ authenticationConfig: write('a', 'a: [}') }), 'failed to load authentication configuration from file '],
    [() => ({ authenticationConfig: write('a', config({ foo: 1 })) }), 'strict decoding error: unknown field "foo"'],
    [() => ({ authenticationConfig: write('a', config({ jwt: [{}] })) }), 'invalid authentication configuration: [jwt[0].issuer.url: Required value'],
    [() => ({ authenticationConfig: write('a', config({ anonymous: { enabled: true } })), anonymousAuth: true }), 'anonymous: Forbidden: --anonymous-auth flag cannot be set'],
    [() => ({ authenticationTokenWebhookVersion: 'v1' }), 'go with: --authentication-token-webhook-config-file'],
    [() => ({ authenticationTokenWebhookConfigFile: hook(), authenticationTokenWebhookVersion: 'v2' }), 'unsupported authentication webhook version "v2", supported versions are "v1", "v1beta1"'],
    [() => ({ authenticationTokenWebhookConfigFile: hook(), authenticationTokenWebhookCacheTtl: 'soon' }), 'must be a duration such as 2m0s, not "soon"'],
    [() => ({ authenticationTokenWebhookConfigFile: hook({ 'proxy-url': 'http://p' }) }), 'proxy-url is not supported'],
  ])('%#: is told what is wrong', async (flags, problem) => {
    await expect(checkAuthentication(flags())).rejects.toThrow(problem);
  }); // prettier-ignore
  it('is passed on to another process, with whole paths', () => {
    expect(authenticationArguments({ authenticationConfig: '/a/b', anonymousAuth: false })).toEqual(['--authentication-config', '/a/b', '--anonymous-auth', 'false']);
    expect(authenticationArguments({})).toEqual([]);
  }); // prettier-ignore
});
it('a file that changes is gone by from then on; what is wrong is told, and leaves the last in force', async () => {
  const file = write('auth.yaml', config());
  const options = await authenticationOf(dir, { authenticationConfig: file });
  const lines: string[] = [];
  const note = (message: string): void => void lines.push(message);
  const world = { ...realWorld({ level: 'silent' }), log: { debug: note, info: note, warn: note, error: note, child: () => world.log } }; // prettier-ignore
  const metrics = createMetrics();
  opened = options!.remote.map((open) => open({ world, metrics, id: 'a1', audiences: ['api'] }));
  write('auth.yaml', config({ anonymous: { enabled: false } }));
  await until(() => lines.includes('the authentication config stays as it was'));
  write('auth.yaml', config({ jwt: [{}] }));
  await until(() => lines.filter((line) => line === 'the authentication config stays as it was').length === 2);
  write('auth.yaml', `# the same in other words\n${config()}`);
  await until(() => lines.includes('reloaded authentication config'));
  const text = await metrics.render();
  expect(text).toMatch(/automatic_reloads_total\{apiserver_id_hash="sha256:[0-9a-f]{64}",status="failure"\} 2\n/);
  expect(text).toMatch(/automatic_reloads_total\{apiserver_id_hash="sha256:[0-9a-f]{64}",status="success"\} 1\n/);
});
