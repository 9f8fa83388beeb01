import grpc from '@grpc/grpc-js';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureEtcdPki } from '../../../ops/pki/etcd.ts';
import { freePort } from '../../../ops/cluster/ports.ts';
import { until } from '../../../bus/testing/until.ts';
import { bytes, memoryRig, text, type Rig } from '../testing/rig.ts';
import { decodeMessage, encodeMessage, type Message, type MessageName } from './messages.ts';

const folder = mkdtempSync(join(tmpdir(), 'etcd-door-'));
const pem = (name: string): string => readFileSync(join(folder, 'etcd', name), 'utf8');
let rig: Rig;
const ports: number[] = [];
const clients: grpc.Client[] = [];
beforeAll(async () => {
  await ensureEtcdPki(folder, [], Date.now());
  rig = memoryRig();
  for (let i = 0; i < 2; i++) {
    const port = await freePort();
    ports.push(port);
    const door = { host: '127.0.0.1', port, ca: pem('ca.crt'), cert: pem('server.crt'), key: pem('server.key') };
    await rig.etcd({ door, snapshotDir: join(folder, `snapshots-${i}`) });
    clients.push(new grpc.Client(`127.0.0.1:${port}`, credentials()));
  }
});
afterAll(async () => {
  for (const client of clients) client.close();
  await rig.close();
  rmSync(folder, { recursive: true, force: true });
});
const credentials = (): grpc.ChannelCredentials =>
  grpc.credentials.createSsl(
    Buffer.from(pem('ca.crt')),
    Buffer.from(pem('client.key')),
    Buffer.from(pem('client.crt')),
  );

/** One call through the first door, or another; what it is refused with is `code: text`. */
function call(path: string, request: MessageName, response: MessageName, message: Message, door = 0): Promise<Message> {
  return new Promise((resolve, reject) => {
    clients[door]!.makeUnaryRequest(
      `/etcdserverpb.${path}`,
      (value: Message) => encodeMessage(request, value),
      (raw: Buffer) => decodeMessage(response, raw),
      message,
      (error, value) => (error ? reject(new Error(`${error.code}: ${error.details}`)) : resolve(value!)),
    );
  });
}
const range = (key: string, more: Message = {}, door = 0): Promise<Message> =>
  call('KV/Range', 'RangeRequest', 'RangeResponse', { key: bytes(key), ...more }, door);
const put = (key: string, value: string, more: Message = {}, door = 0): Promise<Message> =>
  call('KV/Put', 'PutRequest', 'PutResponse', { key: bytes(key), value: bytes(value), ...more }, door);
const remove = (key: string, more: Message = {}): Promise<Message> =>
  call('KV/DeleteRange', 'DeleteRangeRequest', 'DeleteRangeResponse', { key: bytes(key), ...more });
const txn = (message: Message, door = 0): Promise<Message> =>
  call('KV/Txn', 'TxnRequest', 'TxnResponse', message, door);
const revisionOf = (answer: Message): number => (answer['header'] as Message)['revision'] as number;
const pairs = (answer: Message): string[] =>
  (answer['kvs'] as readonly Message[]).map(
    (kv) => `${text(kv['key'] as Uint8Array)}=${text(kv['value'] as Uint8Array)}`,
  );
const PREFIX_END = { range_end: bytes('s0') };
const MOD = 2;
const EQUAL = 0;
const modIs = (key: string, revision: number): Message => ({
  result: EQUAL,
  target: MOD,
  key: bytes(key),
  mod_revision: revision,
});
const putOp = (key: string, value: string): Message => ({ request_put: { key: bytes(key), value: bytes(value) } });
const getOp = (key: string): Message => ({ request_range: { key: bytes(key) } });

describe('keys and values', () => {
  it('are what was put, at any revision that is kept, through whichever door', async () => {
    const first = revisionOf(await put('s/a', '1'));
    const second = await put('s/a', '2', { prev_kv: true }, 1);
    expect(text((second['prev_kv'] as Message)['value'] as Uint8Array)).toBe('1');
    await put('s/b', 'é');
    expect(pairs(await range('s/', PREFIX_END, 1))).toEqual(['s/a=2', 's/b=é']);
    expect(pairs(await range('s/', { ...PREFIX_END, revision: first }))).toEqual(['s/a=1']);
    const [kv] = (await range('s/a'))['kvs'] as readonly Message[];
    expect(kv).toMatchObject({ create_revision: first, mod_revision: revisionOf(second), version: 2, lease: 0n });
  });
  it('come in any order, in pages, or counted', async () => {
    for (const [key, value] of [['s/p1', 'z'], ['s/p2', 'y'], ['s/p3', 'x']] as const) await put(key, value); // prettier-ignore
    const of = { range_end: bytes('s/p~') };
    expect(pairs(await range('s/p', { ...of, sort_order: 2 }))).toEqual(['s/p3=x', 's/p2=y', 's/p1=z']);
    expect(pairs(await range('s/p', { ...of, sort_order: 1, sort_target: 4 }))).toEqual(['s/p3=x', 's/p2=y', 's/p1=z']);
    const page = await range('s/p', { ...of, limit: 2 });
    expect([pairs(page), page['more'], page['count']]).toEqual([['s/p1=z', 's/p2=y'], true, 3]);
    expect(await range('s/p', { ...of, count_only: true })).toMatchObject({ kvs: [], count: 3 });
    expect(pairs(await range('s/p', { ...of, keys_only: true, limit: 1 }))).toEqual(['s/p1=']);
    const last = ((await range('s/p3'))['kvs'] as readonly Message[])[0]!['mod_revision'];
    expect(pairs(await range('s/p', { ...of, min_mod_revision: last }))).toEqual(['s/p3=x']);
  });
  it('of the store itself are nobody else’s', async () => {
    expect(pairs(await range('\0', { range_end: bytes('\0') })).filter((pair) => pair.startsWith('/kubus/'))).toEqual(
      [],
    );
    await expect(put('/kubus/floor', 'x')).rejects.toThrow(`3: etcdserver: keys below /kubus/ are the store's own`);
  });
  it('are deleted one by one or by their prefix', async () => {
    for (const key of ['t/1', 't/2', 't/3']) await put(key, key);
    expect(await remove('t/1', { prev_kv: true })).toMatchObject({
      deleted: 1,
      prev_kvs: [{ key: Buffer.from('t/1') }],
    });
    expect(await remove('t/', { range_end: bytes('t0') })).toMatchObject({ deleted: 2 });
    expect(await remove('t/1')).toMatchObject({ deleted: 0 });
  });
  it.each([
    ['no key', () => put('', 'x'), '3: etcdserver: key is not provided'],
    ['a key that is no text', () => call('KV/Put', 'PutRequest', 'PutResponse', { key: new Uint8Array([255]) }), '3: etcdserver: keys must be UTF-8 in this store'],
    ['a lease that is not there', () => put('s/x', 'x', { lease: 99n }), '5: etcdserver: requested lease not found'],
    ['a value and the one that was', () => put('s/x', 'x', { ignore_value: true }), '3: etcdserver: value is provided'],
    ['the value of nothing', () => put('s/none', '', { ignore_value: true }), '3: etcdserver: key not found'],
    ['a revision to come', () => range('s/a', { revision: 1_000_000 }), '11: etcdserver: mvcc: required revision is a future revision'],
  ])('refuse %s', async (_, ask, refusal) => {
    await expect(ask()).rejects.toThrow(refusal);
  }); // prettier-ignore
});

describe('transactions', () => {
  it('create, change and delete only what is as it was', async () => {
    const create = { compare: [modIs('x/1', 0)], success: [putOp('x/1', 'a')], failure: [getOp('x/1')] };
    const made = await txn(create);
    expect(made).toMatchObject({ succeeded: true });
    const again = await txn(create, 1);
    expect(again['succeeded']).toBe(false);
    expect(pairs(((again['responses'] as readonly Message[])[0] as Message)['response_range'] as Message)).toEqual([
      'x/1=a',
    ]);
    const changed = await txn({ compare: [modIs('x/1', revisionOf(made))], success: [putOp('x/1', 'b')] });
    expect(changed['succeeded']).toBe(true);
    const gone = {
      compare: [modIs('x/1', revisionOf(changed))],
      success: [{ request_delete_range: { key: bytes('x/1') } }],
    };
    expect((await txn(gone))['responses']).toMatchObject([{ response_delete_range: { deleted: 1 } }]);
  });
  it('of many writers at once count every one', async () => {
    await put('x/n', '0');
    const increment = async (door: number): Promise<void> => {
      for (;;) {
        const [kv] = (await range('x/n', {}, door))['kvs'] as readonly Message[];
        const next = String(Number(text(kv!['value'] as Uint8Array)) + 1);
        const compare = [modIs('x/n', kv!['mod_revision'] as number)];
        if ((await txn({ compare, success: [putOp('x/n', next)] }, door))['succeeded'] === true) return;
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, i) => increment(i % 2)));
    expect(pairs(await range('x/n'))).toEqual(['x/n=20']);
  });
  it('that only read see one state', async () => {
    const answer = await txn({
      compare: [{ result: 1, target: 0, key: bytes('x/n'), version: 5 }],
      success: [getOp('x/n'), getOp('none')],
    });
    expect(answer).toMatchObject({
      succeeded: true,
      responses: [{ response_range: { count: 1 } }, { response_range: { count: 0 } }],
    });
  });
});

/** A stream of watches and what came of it. */
function watching(door = 0) {
  const stream = clients[door]!.makeBidiStreamRequest(
    '/etcdserverpb.Watch/Watch',
    (value: Message) => encodeMessage('WatchRequest', value),
    (raw: Buffer) => decodeMessage('WatchResponse', raw),
  );
  const responses: Message[] = [];
  stream.on('data', (response: Message) => responses.push(response));
  stream.on('error', () => undefined);
  const events = (): string[] =>
    responses.flatMap((response) =>
      (response['events'] as readonly Message[]).map(({ type, kv, prev_kv }) => {
        const of = (one: unknown): string =>
          one === undefined ? '' : (text((one as Message)['value'] as Uint8Array) ?? '');
        return `${type === 1 ? 'DELETE' : 'PUT'} ${text((kv as Message)['key'] as Uint8Array)} ${of(kv)}${prev_kv === undefined ? '' : ` was ${of(prev_kv)}`}`;
      }),
    );
  const create = (request: Message): void => void stream.write({ create_request: request });
  return { stream, responses, events, create };
}

describe('watches', () => {
  it('tell each change once and in order, from a revision on or from now', async () => {
    const from = revisionOf(await put('w/a', '1'));
    const { stream, responses, events, create } = watching(1);
    create({ key: bytes('w/'), range_end: bytes('w0'), start_revision: from, prev_kv: true });
    await put('w/a', '2');
    await put('elsewhere', 'x');
    await remove('w/a');
    await put('w/b', '3');
    const expected = ['PUT w/a 1', 'PUT w/a 2 was 1', 'DELETE w/a  was 2', 'PUT w/b 3'];
    await until(() => events().length === 4);
    expect(events()).toEqual(expected);
    create({ key: bytes('w/b'), filters: new Uint8Array([0]), watch_id: 7 });
    await until(() => responses.some((response) => response['created'] === true && response['watch_id'] === 7));
    await put('w/b', '4');
    await remove('w/b');
    await until(() => events().length === 7);
    expect(
      responses.filter((r) => r['watch_id'] === 7).flatMap((r) => r['events'] as readonly Message[]),
    ).toMatchObject([{ type: 1 }]);
    stream.write({ progress_request: {} });
    await until(() => responses.at(-1)?.['watch_id'] === -1);
    expect(revisionOf(responses.at(-1)!)).toBe(revisionOf(await range('w/b')));
    stream.write({ cancel_request: { watch_id: 7 } });
    await until(() => responses.at(-1)?.['canceled'] === true);
    stream.end();
  });
  it('that begin before what is kept are told where it begins', async () => {
    const compacted = revisionOf(await put('w/c', '1'));
    await put('w/c', '2');
    await call('KV/Compact', 'CompactionRequest', 'CompactionResponse', { revision: compacted + 1 });
    const { stream, responses, create } = watching();
    create({ key: bytes('w/c'), start_revision: compacted });
    await until(() => responses.some((response) => response['canceled'] === true));
    expect(responses.at(-1)).toMatchObject({
      compact_revision: compacted + 1,
      cancel_reason: 'etcdserver: mvcc: required revision has been compacted',
    });
    await expect(range('w/c', { revision: compacted })).rejects.toThrow(
      '11: etcdserver: mvcc: required revision has been compacted',
    );
    await expect(
      call('KV/Compact', 'CompactionRequest', 'CompactionResponse', { revision: compacted }),
    ).rejects.toThrow('has been compacted');
    stream.end();
  });
});

describe('leases', () => {
  const lease = (
    verb: string,
    message: Message,
    response: MessageName = `Lease${verb}Response` as MessageName,
  ): Promise<Message> =>
    call(`Lease/Lease${verb}`, (verb === 'Leases' ? 'Empty' : `Lease${verb}Request`) as MessageName, response, message);
  it('end with their keys when they are revoked, whichever door hears of it', async () => {
    const { ID } = await lease('Grant', { TTL: 60 });
    await put('l/1', 'x', { lease: ID });
    await put('l/2', 'x', { lease: ID }, 1);
    await put('l/2', 'y', { ignore_lease: true });
    await put('l/3', 'x', { lease: ID });
    await put('l/3', 'y');
    const left = await lease('TimeToLive', { ID, keys: true });
    expect(left).toMatchObject({ grantedTTL: 60, keys: [Buffer.from('l/1'), Buffer.from('l/2')] });
    expect((await lease('Leases', {}))['leases']).toContainEqual({ ID });
    await lease('Revoke', { ID });
    expect(pairs(await range('l/', { range_end: bytes('l0') }, 1))).toEqual(['l/3=y']);
    expect(await lease('TimeToLive', { ID })).toMatchObject({ TTL: -1 });
    await expect(lease('Revoke', { ID })).rejects.toThrow('5: etcdserver: requested lease not found');
  });
  it('of one name are granted once', async () => {
    await lease('Grant', { TTL: 60, ID: 5n });
    await expect(lease('Grant', { TTL: 60, ID: 5n })).rejects.toThrow('9: etcdserver: lease already exists');
  });
  it('end by themselves, with their keys, unless somebody keeps them alive', async () => {
    const [dying, kept] = await Promise.all([lease('Grant', { TTL: 1 }), lease('Grant', { TTL: 1 })]);
    await put('l/dying', 'x', { lease: dying['ID'] });
    await put('l/kept', 'x', { lease: kept['ID'] });
    const stream = clients[1]!.makeBidiStreamRequest(
      '/etcdserverpb.Lease/LeaseKeepAlive',
      (value: Message) => encodeMessage('LeaseKeepAliveRequest', value),
      (raw: Buffer) => decodeMessage('LeaseKeepAliveResponse', raw),
    );
    const answers: Message[] = [];
    stream.on('data', (answer: Message) => answers.push(answer));
    const beat = setInterval(() => stream.write({ ID: kept['ID'] }), 200);
    await until(async () => pairs(await range('l/dying')).length === 0);
    expect(pairs(await range('l/kept'))).toEqual(['l/kept=x']);
    clearInterval(beat);
    stream.write({ ID: dying['ID'] });
    await until(() => answers.at(-1)?.['TTL'] === 0);
    await until(async () => pairs(await range('l/kept')).length === 0);
    stream.end();
  });
});

describe('the rest', () => {
  it('says who and how it is, and that all facades hold the same', async () => {
    expect(await call('Maintenance/Status', 'Empty', 'StatusResponse', {})).toMatchObject({
      version: '3.6.0',
      errors: [],
    });
    const { members } = await call('Cluster/MemberList', 'Empty', 'MemberListResponse', {});
    expect(members).toMatchObject([{ clientURLs: [`https://127.0.0.1:${ports[0]}`] }]);
    const hash = (door: number): Promise<Message> =>
      call('Maintenance/HashKV', 'HashKVRequest', 'HashKVResponse', {}, door);
    expect((await hash(0))['hash']).toBe((await hash(1))['hash']);
  });
  it('gives a snapshot with the checksum that etcdctl looks for', async () => {
    const parts: Buffer[] = [];
    const stream = clients[0]!.makeServerStreamRequest(
      '/etcdserverpb.Maintenance/Snapshot',
      (value: Message) => encodeMessage('Empty', value),
      (raw: Buffer) => decodeMessage('SnapshotResponse', raw),
      {},
    );
    for await (const { blob } of stream as AsyncIterable<Message>) parts.push(Buffer.from(blob as Uint8Array));
    const all = Buffer.concat(parts);
    expect((all.length - 32) % 512).toBe(0);
    expect(all.subarray(-32)).toEqual(createHash('sha256').update(all.subarray(0, -32)).digest());
  });
  it('lets nobody in who shows no certificate of its authority', async () => {
    const stranger = new grpc.Client(`127.0.0.1:${ports[0]}`, grpc.credentials.createSsl(Buffer.from(pem('ca.crt'))));
    const refused = await new Promise<number | undefined>((resolve) => {
      stranger.makeUnaryRequest(
        '/etcdserverpb.KV/Range',
        () => Buffer.alloc(0),
        (raw: Buffer) => raw,
        {},
        (error) => resolve(error?.code),
      );
    });
    stranger.close();
    expect(refused).toBe(grpc.status.UNAVAILABLE);
  });
  it('answers what is no message, and what it does not know, with an error', async () => {
    const raw = (path: string, body: Uint8Array): Promise<number | undefined> =>
      new Promise((resolve) => {
        clients[0]!.makeUnaryRequest(
          path,
          () => Buffer.from(body),
          (answer: Buffer) => answer,
          {},
          (error) => resolve(error?.code),
        );
      });
    expect(await raw('/etcdserverpb.KV/Range', bytes('\u0007nonsense'))).toBe(grpc.status.INTERNAL);
    expect(await raw('/etcdserverpb.Auth/UserAdd', new Uint8Array(0))).toBe(grpc.status.UNIMPLEMENTED);
  });
});
