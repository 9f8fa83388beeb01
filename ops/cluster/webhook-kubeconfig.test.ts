import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readWebhookKubeconfig, webhookServerOf } from './webhook-kubeconfig.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-webhook-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));
const write = (name: string, text: string): string => {
  const file = join(dir, name);
  writeFileSync(file, text);
  return file;
};
const config = (cluster: object, user: object = {}, more: object = {}): string =>
  write(
    'hook.yaml',
    JSON.stringify({
      kind: 'Config',
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
      ...more,
    }),
  );
const server = 'https://h.example/review/?q=1';

it('holds what the files say that it names, relative to itself', async () => {
  for (const name of ['ca', 'crt', 'key']) write(`${name}.pem`, `pem of ${name}`);
  const file = config(
    { server, 'certificate-authority': 'ca.pem', 'tls-server-name': 'n' },
    { 'client-certificate': 'crt.pem', 'client-key-data': Buffer.from('data').toString('base64'), token: 't' },
  );
  const read = await readWebhookKubeconfig(file);
  expect(read).toEqual({
    url: 'https://h.example/review', ca: 'pem of ca', serverName: 'n',
    certificate: { cert: 'pem of crt', key: 'data' }, authorization: 'Bearer t',
  }); // prettier-ignore
  expect(webhookServerOf(read).authorization!()).toBe('Bearer t');
});
it('takes a password, or a token from a file that may be gone for a while', async () => {
  const basic = await readWebhookKubeconfig(config({ server }, { username: 'a', password: 'b' }));
  expect(basic.authorization).toBe('Basic YTpi');
  write('token', 'first\n');
  const filed = await readWebhookKubeconfig(config({ server }, { tokenFile: 'token', token: 'stale' }));
  expect(webhookServerOf(filed).authorization!()).toBe('Bearer first');
  rmSync(join(dir, 'token'));
  expect(webhookServerOf(filed).authorization!()).toBe('Bearer stale');
});
it.each([
  [{ server: 'http://h.example' }, {}, {}, 'server "http://h.example" must be an https:// URL'],
  [{}, {}, {}, 'invalid configuration: no server found for cluster "c"'],
  [{ server }, {}, { 'current-context': 'y' }, 'invalid configuration: current-context "y" is none of its contexts'],
  [{ server }, { exec: { command: 'x' } }, {}, 'exec is not supported for webhooks'],
  [{ server, 'proxy-url': 'http://p' }, {}, {}, 'proxy-url is not supported for webhooks'],
  [{ server, 'certificate-authority': 'none.pem' }, {}, {}, 'unable to read certificate-authority none.pem: open '],
  [{ server }, { 'client-certificate-data': 'YQ==' }, {}, 'client-certificate and client-key go together'],
  [{ server, 'insecure-skip-tls-verify': true, 'certificate-authority-data': 'YQ==' }, {}, {}, 'specifying a root certificates file with the insecure flag is not allowed'],
])('%#: refuses %j %j %j', async (cluster, user, more, message) => {
  await expect(readWebhookKubeconfig(config(cluster, user, more))).rejects.toThrow(message);
}); // prettier-ignore
it('that is not there, or no YAML, says so', async () => {
  await expect(readWebhookKubeconfig(join(dir, 'none'))).rejects.toThrow('none: no such file or directory');
  await expect(readWebhookKubeconfig(write('bad', 'a: [}'))).rejects.toThrow('webhook kubeconfig ');
});
