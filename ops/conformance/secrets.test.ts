import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiClient } from '../../actors/runtime/client.ts';
import * as resources from '../../actors/runtime/resources.ts';
import type { Bus } from '../../bus/bus.ts';
import { createNodeCredentials, parseCredentials } from '../../bus/credentials.ts';
import { connectNats } from '../../bus/nats/connect.ts';
import { realWorld } from '../../bus/real-world.ts';
import * as subjects from '../../bus/subjects.ts';
import { eventually, readJson, upForTest, type TestCluster } from '../testing/cluster.ts';
import { HttpsClient } from '../testing/https.ts';

/** Looks like the secret half of a bootstrap token, so that it can be one. */
const MARKER = 'marker4f9d2c1bzz';
/** As itself, and as it looks within base64, wherever it begins there. */
const SPELLINGS = [0, 1, 2].map((n) => Buffer.from('x'.repeat(n) + MARKER).toString('base64').slice(n + 1, -4)).concat(MARKER); // prettier-ignore
const has = (text: string): string | undefined => SPELLINGS.find((s) => text.includes(s));
const world = realWorld({ level: 'silent' });

let cluster: TestCluster;
let https: HttpsClient;
let console: Bus;
let output = '';
const connect = (role: string): Promise<Bus> =>
  connectNats({
    world,
    name: role,
    credentials: parseCredentials(readFileSync(join(cluster.data, `credentials/${role}.json`), 'utf8')),
  });
beforeAll(async () => {
  cluster = await upForTest(['--nodes', '1', '--wait']);
  for (const stream of [cluster.process.stdout, cluster.process.stderr])
    stream?.on('data', (data: Buffer) => (output += data.toString()));
  https = new HttpsClient(join(cluster.data, 'kubeconfig'));
  console = await connect('console');
}, 120_000);
afterAll(async () => {
  https?.close();
  await console?.drain();
  await cluster?.stop();
});

/** Has every component tell everything of all its actors; collects what they say. */
async function inspectAll(): Promise<{
  frames: string[];
  follow(): void;
  actors(): string[];
  crash(actor: string): void;
}> {
  const frames: string[] = [];
  const parts = new Map<string, { component: string; id: string }>();
  const actors = new Map<string, Set<string>>();
  console.subscribe(subjects.presenceOf('*'), ({ subject }) => {
    const { component, id } = subjects.parsePresence(subject);
    parts.set(id, { component: component === 'node-agent' ? 'kubelet' : component, id });
  });
  console.subscribe(subjects.inspectAll, (message) => {
    frames.push(Buffer.from(message.bytes).toString('latin1'));
    const { acks = [] } = message.body as { acks?: { result?: { actors?: { actor: string }[] } }[] };
    const known = actors.get(message.subject) ?? new Set();
    actors.set(message.subject, known);
    for (const { result } of acks) for (const { actor } of result?.actors ?? []) known.add(actor);
  });
  console.publish(subjects.rollCall, {});
  await eventually('all components are there', () => parts.size >= 5 || undefined);
  const follow = (): void => {
    for (const { component, id } of parts.values()) {
      const known = [...(actors.get(subjects.inspect(component, id)) ?? [])];
      for (let i = 0; i <= known.length; i += 60)
        console.publish(subjects.control(component, id), {
          type: 'attach',
          forMs: 60_000,
          whole: true,
          follow: known.slice(i, i + 60),
        });
      console.publish(subjects.control(component, id), { type: 'list', request: 'r', limit: 500 });
    }
  };
  const crash = (actor: string): void => {
    for (const { component, id } of parts.values())
      console.publish(subjects.control(component, id), { type: 'crash', request: 'c', actor });
  };
  return { frames, follow, crash, actors: () => [...actors.values()].flatMap((of) => [...of]) };
}
const send = (method: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<number> =>
  https.send(method, path, typeof body === 'string' ? body : JSON.stringify(body), headers).then(
    (answer) => answer.status,
    () => 0,
  );
const secrets = '/api/v1/namespaces/default/secrets';
const secret = (name: string, more: object): object => ({
  apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, ...more,
}); // prettier-ignore

/** What a careless or hostile user does with a secret in hand: right, wrong, in pieces. */
async function mischief(): Promise<void> {
  const good = secret('good', { stringData: { password: MARKER } });
  expect(await send('POST', secrets, good)).toBe(201);
  expect(await send('POST', secrets, good)).toBe(409);
  await send('PUT', `${secrets}/good`, { ...secret('good', { stringData: { password: `${MARKER}2` } }), metadata: { name: 'good', resourceVersion: '1' } }); // prettier-ignore
  await send('PATCH', `${secrets}/good`, { stringData: { other: MARKER } }, { 'content-type': 'application/merge-patch+json' }); // prettier-ignore
  await send('PATCH', `${secrets}/good`, [{ op: 'test', path: '/data/password', value: MARKER }], { 'content-type': 'application/json-patch+json' }); // prettier-ignore
  await send('PATCH', `${secrets}/good?fieldManager=m`, secret('good', { data: { x: MARKER } }), { 'content-type': 'application/apply-patch+yaml' }); // prettier-ignore
  await send('POST', secrets, secret('not-base64', { data: { password: `${MARKER}!` } }));
  await send('POST', secrets, secret('wrong-type', { data: { password: { [MARKER]: 1 } } }));
  await send('POST', secrets, secret('wrong-type', { data: MARKER }));
  await send('POST', secrets, secret('bad-key', { stringData: { [`${MARKER} key`]: 'x' } }));
  await send('POST', secrets, secret('tls', { type: 'kubernetes.io/tls', stringData: { 'tls.key': MARKER } }));
  await send('POST', secrets, secret('docker', { type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': `{${MARKER}` } })); // prettier-ignore
  await send('POST', secrets, `{"apiVersion":"v1","kind":"Secret","stringData":{"a":"${MARKER}`);
  await send('POST', secrets, `apiVersion: v1\nkind: Secret\nstringData: {a: "${MARKER}\n`, { 'content-type': 'application/yaml' }); // prettier-ignore
  await send('POST', secrets, `k8s\0${MARKER}`, { 'content-type': 'application/vnd.kubernetes.protobuf' });
  await send('POST', secrets, secret('huge', { stringData: { a: MARKER.repeat(100_000) } }));
  // Tokens, good and bad.
  for (const token of [
    MARKER,
    `abcdef.${MARKER}`,
    `${MARKER}.${MARKER}.${MARKER}`,
    `eyJhbGciOiJSUzI1NiJ9.${MARKER}.x`,
  ]) {
    await send('GET', secrets, '', { authorization: `Bearer ${token}` });
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
    await send('POST', '/apis/authentication.k8s.io/v1/tokenreviews', review);
  }
  await send('GET', secrets, '', { authorization: `Basic ${Buffer.from(`admin:${MARKER}`).toString('base64')}` });
  const bootstrap = { 'token-id': 'abcdef', 'token-secret': MARKER, 'usage-bootstrap-authentication': 'true' };
  await send('POST', '/api/v1/namespaces/kube-system/secrets', { ...secret('bootstrap-token-abcdef', { type: 'bootstrap.kubernetes.io/token', stringData: bootstrap }), metadata: { name: 'bootstrap-token-abcdef' } }); // prettier-ignore
  const urls = readJson<{ urls: string[] }>(join(cluster.data, 'credentials/admin.json')).urls;
  for (const [node, id] of [
    ['leaky', 'abcdef'],
    ['leaky', 'abcdef'],
    ['refused', 'zzzzzz'],
  ]) {
    const credentials = { ...createNodeCredentials(node!, { urls }), token: `${id}.${MARKER}` };
    const bus = await connectNats({ world, name: node!, credentials, connectTimeoutMs: 5_000 }).catch(() => undefined);
    await bus?.drain();
  }
  // Pods with it in their environment, arguments and files; they fail, restart, cannot start, and go.
  const pod = (name: string, container: object, more: object = {}, annotations: object = {}): Promise<number> =>
    send('POST', '/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, annotations },
      spec: {
        containers: [{ name: 'c', image: 'c', env: [{ name: 'PASSWORD', value: MARKER }], ...container }],
        ...more,
      },
    });
  const simulate = (c: object): object => ({ 'kubus.dev/simulate': JSON.stringify({ containers: { c } }) });
  const crash = simulate({ exitAfterMs: 50, exitCode: 3, message: MARKER, logs: [MARKER] });
  await pod('runs', { args: [`--password=${MARKER}`] });
  await pod('fails', { command: ['sh', '-c', MARKER] }, {}, crash);
  await pod('not-started', {}, {}, simulate({ startError: MARKER }));
  await pod('not-pulled', {}, {}, simulate({ pull: { delayMs: 1, error: MARKER } }));
  await pod('no-image', { image: 'bad image', imagePullPolicy: 'Never' });
  await pod('no-secret', { envFrom: [{ secretRef: { name: 'missing' } }] });
  await pod('invalid', { env: [{ name: '', value: MARKER }], ports: [{ containerPort: -1 }] });
  await pod('bad-script', {}, {}, { 'kubus.dev/simulate': `{${MARKER}` });
  await pod('probed', {
    livenessProbe: { httpGet: { port: 80, httpHeaders: [{ name: 'authorization', value: MARKER }] } },
  });
  // Straight at the bus door, and at actors' control, with what nobody expects.
  const admin = await connect('admin');
  const client = createApiClient(admin, world, 'admin');
  const bad = [{ data: { a: MARKER } }, MARKER, [MARKER], { kind: MARKER }, null];
  for (const object of bad) await client.create(resources.secrets, object as never).catch(() => undefined);
  const subject = subjects.api({ caller: 'admin', verb: 'create', group: '', version: 'v1', resource: 'secrets', namespace: 'default', name: '' }); // prettier-ignore
  for (const body of [
    MARKER,
    { object: secret('x', { data: MARKER }), patchType: MARKER, fence: MARKER, query: MARKER },
  ])
    await admin.request(subject, body, { timeoutMs: 2_000 }).catch(() => undefined);
  await admin.drain();
}

describe('a secret', () => {
  it('is told neither to logs nor to those who inspect actors, whatever goes wrong with it', async () => {
    const inspection = await inspectAll();
    inspection.follow();
    await eventually('actors are followed', () => inspection.actors().length > 20 || undefined);
    inspection.follow();
    await mischief();
    await eventually('the pod fails', async () =>
      (await cluster.kubectl(['get', 'pod', 'fails', '-o', 'jsonpath={.status.containerStatuses[0].restartCount}'])) > '0' || undefined,
    ); // prettier-ignore
    inspection.follow();
    const before = inspection.frames.length;
    // A crash prints what it can of the actor that crashed.
    for (const actor of inspection.actors().filter((id) => /runs|fails|good|abcdef/.test(id))) inspection.crash(actor);
    await cluster.kubectl(['delete', 'pod', '--all', '--wait=false']);
    await cluster.kubectl(['delete', 'secret', '--all']);
    await eventually('frames of it all', () => inspection.frames.length > before + 4 || undefined);

    expect(inspection.frames.join('\n').length).toBeGreaterThan(5_000);
    expect(inspection.frames.filter(has)).toEqual([]);
    const logs = readdirSync(join(cluster.data, 'logs'));
    expect(logs.length).toBeGreaterThan(1);
    const lines = logs.flatMap((file) => readFileSync(join(cluster.data, 'logs', file), 'utf8').split('\n').map((line) => `${file}: ${line}`)); // prettier-ignore
    expect(lines.length).toBeGreaterThan(20);
    expect(lines.filter(has)).toEqual([]);
    expect(has(output)).toBeUndefined();
  }, 60_000);
  it('would be found if it were there', () => {
    for (const text of [MARKER, `a${MARKER}`, `ab${MARKER}`, `abc${MARKER}`]) {
      expect(has(text)).toBeDefined();
      expect(has(Buffer.from(text).toString('base64'))).toBeDefined();
    }
  });
});
describe("a cluster's folder", () => {
  it('is its owner’s alone, file by file', () => {
    const open: string[] = [];
    let files = 0;
    const walk = (dir: string): void => {
      for (const name of readdirSync(dir)) {
        const path = join(dir, name);
        const stat = lstatSync(path);
        const mode = (stat.mode & 0o777).toString(8);
        if (stat.isDirectory()) {
          if (mode !== '700') open.push(`${path} ${mode}`);
          // What nats-server makes within is behind this door.
          if (path !== join(cluster.data, 'nats')) walk(path);
        } else {
          files++;
          if (mode !== '600') open.push(`${path} ${mode}`);
        }
      }
    };
    walk(cluster.data);
    expect(open).toEqual([]);
    expect(files).toBeGreaterThan(20);
    expect((lstatSync(cluster.data).mode & 0o777).toString(8)).toBe('700');
    for (const file of readdirSync(join(cluster.data, 'nats')).filter((name) => name.startsWith('nats-server.')))
      expect(lstatSync(join(cluster.data, 'nats', file)).mode & 0o777, file).toBe(0o600);
  });
});
describe('the doors of a cluster', () => {
  it('are on loopback unless asked otherwise', () => {
    const { port, natsPort } = readJson<{ port: number; natsPort: number }>(join(cluster.data, 'cluster.json'));
    /** Local address and port of listening sockets. Source: proc(5), /proc/net/tcp. */
    const listening = ['tcp', 'tcp6'].flatMap((file) =>
      readFileSync(`/proc/net/${file}`, 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter((columns) => columns[3] === '0A')
        .map((columns) => columns[1]!.split(':') as [string, string]),
    );
    for (const door of [port, natsPort]) {
      const addresses = listening.filter(([, hex]) => Number.parseInt(hex, 16) === door).map(([address]) => address);
      expect(new Set(addresses)).toEqual(new Set(['0100007F']));
    }
  });
});
