import grpc from '@grpc/grpc-js';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureEtcdPki } from '../../../ops/pki/etcd.ts';
import { freePort } from '../../../ops/cluster/ports.ts';
import { until } from '../../../bus/testing/until.ts';
import { bytes, memoryRig, natsRig, startJetStream, text, type Rig } from '../testing/rig.ts';
import { decodeMessage, encodeMessage, type Message, type MessageName } from './messages.ts';

const folder = mkdtempSync(join(tmpdir(), 'etcd-door-txn-'));
const pem = (name: string): string => readFileSync(join(folder, 'etcd', name), 'utf8');
beforeAll(() => ensureEtcdPki(folder, [], Date.now()));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const EQUAL = 0;
const MOD = 2;
const putOp = (key: string, value: string): Message => ({ request_put: { key: bytes(key), value: bytes(value) } });
const getOp = (key: string, more: Message = {}): Message => ({ request_range: { key: bytes(key), ...more } });
const deleteOp = (key: string, end = '', more: Message = {}): Message => ({
  request_delete_range: { key: bytes(key), range_end: bytes(end), ...more },
});
const valueIs = (key: string, value: string): Message => ({ result: EQUAL, target: 3, key: bytes(key), value: bytes(value) }); // prettier-ignore
const modIs = (key: string, revision: number, end = ''): Message => ({
  result: EQUAL, target: MOD, key: bytes(key), mod_revision: revision, range_end: bytes(end),
}); // prettier-ignore
const revisionOf = (answer: Message): number => (answer['header'] as Message)['revision'] as number;
const pairs = (answer: unknown): string[] =>
  ((answer as Message)['kvs'] as readonly Message[]).map(
    (kv) => `${text(kv['key'] as Uint8Array)}=${text(kv['value'] as Uint8Array)}`,
  );
const responses = (answer: Message): readonly Message[] => answer['responses'] as readonly Message[];

/** On what both logs do: an array, and JetStream. */
describe.each<[name: string, start: () => Promise<{ rig: Rig; stop: () => void }>]>([
  ['a log in memory', async () => ({ rig: memoryRig(), stop: () => undefined })],
  [
    'JetStream',
    async () => {
      const server = await startJetStream();
      return { rig: natsRig(server.url), stop: () => void server.stop() };
    },
  ],
])('transactions on %s', (_, start) => {
  let rig: Rig;
  let stop: () => void;
  const clients: grpc.Client[] = [];
  beforeAll(async () => {
    ({ rig, stop } = await start());
    for (let i = 0; i < 2; i++) {
      const port = await freePort();
      await rig.etcd({ door: { host: '127.0.0.1', port, ca: pem('ca.crt'), cert: pem('server.crt'), key: pem('server.key') } });
      const [ca, key, cert] = ['ca.crt', 'client.key', 'client.crt'].map((name) => Buffer.from(pem(name)));
      clients.push(new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createSsl(ca ?? null, key, cert)));
    }
  }); // prettier-ignore
  afterAll(async () => {
    for (const client of clients.splice(0)) client.close();
    await rig.close();
    stop();
  });
  const call = (method: string, message: Message, door = 0): Promise<Message> =>
    new Promise((resolve, reject) => {
      const [request, response] = [`${method}Request`, `${method}Response`] as [MessageName, MessageName];
      clients[door]!.makeUnaryRequest(
        `/etcdserverpb.KV/${method}`,
        (value: Message) => encodeMessage(request, value),
        (raw: Buffer) => decodeMessage(response, raw),
        message,
        (error, value) => (error ? reject(new Error(`${error.code}: ${error.details}`)) : resolve(value!)),
      );
    });
  const txn = (message: Message, door = 0): Promise<Message> => call('Txn', message, door);
  const put = (key: string, value: string, door = 0): Promise<Message> =>
    call('Put', { key: bytes(key), value: bytes(value) }, door);
  const get = async (key: string, end = '', door = 0): Promise<string[]> =>
    pairs(await call('Range', { key: bytes(key), range_end: bytes(end) }, door));

  it('write several keys or none, and each read sees what came before it', async () => {
    await put('a/1', 'old');
    const made = await txn({
      compare: [modIs('a/2', 0), valueIs('a/1', 'old')],
      success: [getOp('a/', { range_end: bytes('a0') }), putOp('a/1', 'new'), getOp('a/', { range_end: bytes('a0') }), putOp('a/2', 'new'), getOp('a/', { range_end: bytes('a0') })],
    }); // prettier-ignore
    expect(made['succeeded']).toBe(true);
    const reads = responses(made).flatMap(({ response_range }) => (response_range === undefined ? [] : [pairs(response_range)])); // prettier-ignore
    expect(reads).toEqual([['a/1=old'], ['a/1=new'], ['a/1=new', 'a/2=new']]);
    expect(revisionOf(responses(made)[1]!['response_put'] as Message)).toBe(revisionOf(made));
    const again = await txn({ compare: [modIs('a/2', 0)], success: [putOp('a/1', 'x'), putOp('a/2', 'x')], failure: [putOp('a/3', 'y'), deleteOp('a/2', '', { prev_kv: true })] }, 1); // prettier-ignore
    expect(again['succeeded']).toBe(false);
    expect(responses(again)[1]).toMatchObject({
      response_delete_range: { deleted: 1, prev_kvs: [{ value: Buffer.from('new'), mod_revision: revisionOf(made) }] },
    });
    expect(await get('a/', 'a0')).toEqual(['a/1=new', 'a/3=y']);
  });
  it('write by what another key is, which nobody changes meanwhile', async () => {
    await put('g/flag', 'on');
    const guarded = (door: number) => txn({ compare: [valueIs('g/flag', 'on')], success: [putOp(`g/${door}`, 'written')] }, door); // prettier-ignore
    const [one, off, two] = await Promise.all([guarded(0), put('g/flag', 'off', 1), guarded(1)]);
    // Whoever succeeded did so before the flag fell.
    for (const answer of [one, two])
      if (answer['succeeded'] === true) expect(revisionOf(answer)).toBeLessThan(revisionOf(off));
    expect((await guarded(0))['succeeded']).toBe(false);
  });
  it('by what is in a whole range', async () => {
    const first = { compare: [modIs('r/', 0, 'r0')], success: [putOp('r/x', '1'), putOp('elsewhere', '1')] };
    const both = await Promise.all([txn(first), txn({ ...first, success: [putOp('r/y', '1'), putOp('elsewhere', '2')] }, 1)]); // prettier-ignore
    expect(both.map((answer) => answer['succeeded']).sort()).toEqual([false, true]);
    expect(await get('r/', 'r0')).toHaveLength(1);
  });
  it('delete a range and put elsewhere; within others too', async () => {
    await Promise.all(['d/1', 'd/2', 'd/3'].map((key) => put(key, key)));
    const inner = { compare: [valueIs('d/1', 'd/1')], success: [putOp('e/1', 'then'), getOp('d/2')], failure: [putOp('e/1', 'else')] }; // prettier-ignore
    const answer = await txn({ success: [deleteOp('d/', 'd0', { prev_kv: true }), { request_txn: inner }] });
    expect(responses(answer)[0]).toMatchObject({ response_delete_range: { deleted: 3, prev_kvs: [{}, {}, {}] } });
    const within = responses(answer)[1]!['response_txn'] as Message;
    // Compared before anything was done, read after the deletion.
    expect(within['succeeded']).toBe(true);
    expect(responses(within)[1]).toMatchObject({ response_range: { count: 0 } });
    expect([...(await get('d/', 'd0')), ...(await get('e/1'))]).toEqual(['e/1=then']);
  });
  it('of many at once never show a half, and count every one', async () => {
    await txn({ success: [putOp('m/a', '50'), putOp('m/b', '50')] });
    const seen: Message[] = [];
    const watch = clients[1]!.makeBidiStreamRequest('/etcdserverpb.Watch/Watch', (value: Message) => encodeMessage('WatchRequest', value), (raw: Buffer) => decodeMessage('WatchResponse', raw)); // prettier-ignore
    watch.on('data', (response: Message) => seen.push(response));
    watch.on('error', () => undefined);
    watch.write({ create_request: { key: bytes('m/'), range_end: bytes('m0') } });
    await until(() => seen.length > 0);
    const sum = (kvs: readonly string[]): number => kvs.reduce((total, kv) => total + Number(kv.split('=')[1]), 0);
    const move = async (i: number): Promise<void> => {
      for (;;) {
        const [a, b] = (await get('m/', 'm0', i % 2)) as [string, string];
        expect(sum([a, b])).toBe(100);
        const [x, y] = [a.slice(4), b.slice(4)];
        const success = [putOp('m/a', String(Number(x) - 1)), putOp('m/b', String(Number(y) + 1))];
        if ((await txn({ compare: [valueIs('m/a', x), valueIs('m/b', y)], success }, i % 2))['succeeded'] === true) return; // prettier-ignore
      }
    };
    await Promise.all(Array.from({ length: 12 }, (_, i) => move(i)));
    expect(await get('m/', 'm0')).toEqual(['m/a=38', 'm/b=62']);
    await until(() => seen.flatMap(({ events }) => events as Message[]).length === 24);
    expect(seen.filter(({ events }) => (events as Message[]).length % 2 === 1)).toEqual([]);
    watch.cancel();
  });
  it('a range is deleted whole', async () => {
    await txn({ success: Array.from({ length: 120 }, (_, i) => putOp(`z/${i}`, 'x')) });
    const answer = await call('DeleteRange', { key: bytes('z/'), range_end: bytes('z0'), prev_kv: true });
    expect([answer['deleted'], (answer['prev_kvs'] as unknown[]).length]).toEqual([120, 120]);
    expect(await get('z/', 'z0')).toEqual([]);
  });
  it.each<[what: string, request: Message, refusal: string]>([
    ['put a key twice', { success: [putOp('x', '1'), putOp('x', '2')] }, '3: etcdserver: duplicate key given in txn request'],
    ['put and delete a key', { success: [putOp('x/1', '1'), deleteOp('x/', 'x0')] }, '3: etcdserver: duplicate key given in txn request'],
    ['put a key that one within puts', { success: [putOp('x', '1'), { request_txn: { failure: [putOp('x', '1')] } }] }, '3: etcdserver: duplicate key given in txn request'],
    ['have too many operations', { success: Array.from({ length: 129 }, (_, i) => putOp(`x/${i}`, '1')) }, '3: etcdserver: too many operations in txn request'],
    ['have too many with those within', { success: [...Array.from({ length: 100 }, (_, i) => getOp(`x/${i}`)), { request_txn: { success: Array.from({ length: 29 }, (_, i) => getOp(`x/${i}`)) } }] }, '3: etcdserver: too many operations in txn request'],
    ['do nothing', { success: [{}] }, '3: etcdserver: key not found'],
    ['write, and read what is to come', { success: [putOp('x', '1'), getOp('x', { revision: 1_000_000 })] }, '11: etcdserver: mvcc: required revision is a future revision'],
    ['write by a lease that is not there', { success: [putOp('x', '1'), { request_put: { key: bytes('y'), lease: 9n } }] }, '5: etcdserver: requested lease not found'],
    ['write what is the store’s own', { success: [putOp('x', '1'), putOp('/kubus/guard', '')] }, `3: etcdserver: keys below /kubus/ are the store's own`],
  ])('that %s are refused, and nothing is written', async (_what, request, refusal) => {
    await expect(txn(request)).rejects.toThrow(refusal);
    expect(await get('x', 'y')).toEqual([]);
  }); // prettier-ignore
});
