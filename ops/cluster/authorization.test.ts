import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ConfigurationChange } from '../../actors/apiserver/authorization/authorizer.ts';
import { until } from '../../bus/testing/until.ts';
import { adoptAuthorization, authorizationArguments, authorizationOf, checkAuthorization } from './authorization.ts';

let dir: string;
let kubeconfig: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-authorization-'));
  mkdirSync(join(dir, 'pki'));
  kubeconfig = join(dir, 'hook.kubeconfig');
  writeFileSync(kubeconfig, 'current-context: c\ncontexts: [{name: c, context: {cluster: h, user: u}}]\nclusters: [{name: h, cluster: {server: "https://127.0.0.1:1/x"}}]\nusers: [{name: u, user: {token: secret}}]\n'); // prettier-ignore
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const log = { info: () => undefined, error: () => undefined };
const config = (authorizers: string): string => `{kind: AuthorizationConfiguration, apiVersion: apiserver.config.k8s.io/v1, authorizers: [${authorizers}]}`; // prettier-ignore
const RBAC = '{type: RBAC, name: rbac}';
const hook = (): string => `{type: Webhook, name: h, webhook: {timeout: 3s, subjectAccessReviewVersion: v1, failurePolicy: Deny, connectionInfo: {type: KubeConfigFile, kubeConfigFile: ${kubeconfig}}}}`; // prettier-ignore

it.each([
  [{ authorizationMode: ['Foo'] }, 'authorization-mode "Foo" is not a valid mode'],
  [{ authorizationMode: ['RBAC', 'RBAC'] }, 'authorization-mode ["RBAC" "RBAC"] has mode specified more than once'],
  [{ authorizationMode: ['Webhook'] }, "authorization-mode Webhook's authorization config file not passed"],
  [{ authorizationWebhookConfigFile: 'x' }, 'cannot specify --authorization-webhook-config-file without mode Webhook'],
  [{ authorizationConfig: 'x', authorizationMode: ['RBAC'] }, '--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined'],
  [{ authorizationConfig: '/none/x' }, 'open /none/x: no such file or directory'],
])('%j: %s', async (flags, why) => {
  await expect(checkAuthorization(flags)).rejects.toThrow(why);
}); // prettier-ignore
it('is off unless asked for; modes are short for a file', async () => {
  expect(await authorizationOf(dir, {}, log)).toBeUndefined();
  const flags = { authorizationMode: ['Node', 'Webhook'], authorizationWebhookConfigFile: kubeconfig, authorizationWebhookCacheAuthorizedTtl: '1m' }; // prettier-ignore
  const { authorizers } = (await authorizationOf(dir, flags, log))!;
  expect(authorizers).toMatchObject([
    { type: 'Node', name: 'node' },
    { type: 'Webhook', name: 'default', webhook: { authorizedTtlMs: 60_000, unauthorizedTtlMs: 30_000, version: 'v1beta1', timeoutMs: 30_000 } },
  ]); // prettier-ignore
  expect(authorizationArguments(flags)).toEqual([
    '--authorization-mode', 'Node,Webhook', '--authorization-webhook-config-file', kubeconfig, '--authorization-webhook-cache-authorized-ttl', '1m',
  ]); // prettier-ignore
});
it('is remembered with what its files hold, which may be gone at the next start', async () => {
  const file = join(dir, 'authz.yaml');
  writeFileSync(file, config(`${RBAC}, ${hook()}`));
  await adoptAuthorization(dir, { authorizationConfig: file });
  rmSync(file);
  rmSync(kubeconfig);
  const { authorizers, onChange } = (await authorizationOf(dir, {}, log))!;
  expect(authorizers[1]).toMatchObject({ webhook: { server: { url: 'https://127.0.0.1:1/x' }, deniesOnError: true } });
  expect(onChange).toBeUndefined();
});
it('a file that changes is gone by from then on; what is wrong leaves the last in force', async () => {
  const file = join(dir, 'authz.yaml');
  writeFileSync(file, config(RBAC));
  const told: (ConfigurationChange | undefined)[] = [];
  const stop = (await authorizationOf(dir, { authorizationConfig: file }, log, 5))!.onChange!((c) => told.push(c));
  try {
    // What was there at the start may not go.
    writeFileSync(file, config(hook()));
    await until(() => told.length === 1);
    writeFileSync(file, config(`${hook()}, ${RBAC}`));
    await until(() => told.length === 2);
    expect(told.map((one) => one?.authorizers.map(({ type }) => type))).toEqual([undefined, ['Webhook', 'RBAC']]);
  } finally {
    stop();
  }
});
