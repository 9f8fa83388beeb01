import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { statusOf } from '../../../../schemas/meta/status.ts';
import type { Core, ForwardAnswer } from '../../core.ts';
import type { Backend, BackendRequest } from '../../outbound/backend.ts';
import type { Exchange, HeaderList } from './exchange.ts';
import { forward } from './forward.ts';

const PREFIX = '/api/v1/namespaces/d/pods/p/proxy';
interface Told {
  code: number;
  headers: Record<string, string>;
  body: string;
}
interface Asked {
  readonly method?: string;
  readonly rest?: string;
  readonly headers?: HeaderList;
  readonly answers?: { readonly status?: number; readonly headers?: HeaderList; readonly body?: string | Buffer };
  readonly fails?: string;
}
async function pass({ method = 'GET', rest = '/', headers = [], answers = {}, fails }: Asked) {
  let sent: BackendRequest | undefined;
  const told: Told = { code: 0, headers: {}, body: '' };
  const note = (code: number, list: HeaderList): void => {
    told.code = code;
    for (let i = 0; i + 1 < list.length; i += 2) told.headers[list[i]!.toLowerCase()] = list[i + 1]!;
  };
  const rawHeaders = ['Host', 'kube:6443', ...headers];
  const exchange = {
    method, target: `${PREFIX}${rest}`, rawHeaders, flow: undefined, isSending: false, onGone: () => {}, auditId: () => 'a',
    headers: Object.fromEntries(rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1]]] : []))),
    body: Readable.from([Buffer.from('body')]),
    send(code: number, list: HeaderList, body: Buffer | string) {
      note(code, list);
      told.body = body.toString();
    },
    stream(code: number, list: HeaderList) {
      note(code, list);
      return { write: (chunk: Buffer) => ((told.body += chunk.toString()), true), waiting: () => 0, end: () => undefined, onClose: () => undefined };
    },
  } as unknown as Exchange; // prettier-ignore
  const backend: Backend = (request) => {
    sent = request;
    if (fails !== undefined) return Promise.reject(new Error(fails));
    const { status = 200, headers: given = [], body = '' } = answers;
    return Promise.resolve({ status, headers: given, body: Readable.from([Buffer.from(body)]), end: () => undefined });
  };
  const core = { backend, world: { ids: { uuid: () => 'a' } } } as unknown as Core;
  const [path = ''] = rest.split('?');
  const answer: ForwardAnswer = { type: 'forward', to: { scheme: 'http', host: '10.0.0.1', port: 80 }, path: decodeURIComponent(path), upgradeOnly: false }; // prettier-ignore
  await forward(core, exchange, answer, '192.0.2.9');
  const heard: Record<string, string> = {};
  for (let i = 0; sent !== undefined && i + 1 < sent.headers.length; i += 2)
    heard[sent.headers[i]!.toLowerCase()] = sent.headers[i + 1]!;
  return { told, sent, heard };
}

describe('a request that is passed on', () => {
  it('says for whom, and not who asked', async () => {
    const headers = ['Authorization', 'Bearer x', 'Impersonate-User', 'u', 'Connection', 'x-hop', 'X-Hop', '1', 'X-Own', '2', 'X-Forwarded-For', '1.2.3.4']; // prettier-ignore
    const { heard, sent } = await pass({ rest: '/a%20b?c=d', headers });
    expect(sent).toMatchObject({ method: 'GET', target: '/a%20b?c=d' });
    expect(heard).toEqual({
      host: 'kube:6443',
      'x-own': '2',
      'x-forwarded-for': '1.2.3.4, 192.0.2.9',
      'x-forwarded-uri': `${PREFIX}/a%20b`,
    });
  });
  it('of the root without a slash is sent there', async () => {
    const { told, sent } = await pass({ rest: '?a=b' });
    expect(told).toMatchObject({ code: 301, headers: { location: `${PREFIX}/?a=b` } });
    expect(sent).toBeUndefined();
  });
  it('to nobody says why', async () => {
    const why: unknown = await pass({ fails: 'dial tcp 10.0.0.1:80: connect: connection refused' }).catch((e: unknown) => e); // prettier-ignore
    expect(statusOf(why)).toMatchObject({ code: 503, message: 'error trying to reach service: dial tcp 10.0.0.1:80: connect: connection refused' }); // prettier-ignore
  });
});
describe('what comes back', () => {
  it('keeps its own headers but those of the connection and of other origins', async () => {
    const given = ['X-Own', '1', 'Connection', 'close', 'Access-Control-Allow-Origin', '*', 'Content-Length', '2'];
    const { told } = await pass({ answers: { headers: given, body: 'hi' } });
    expect(told).toMatchObject({ code: 200, body: 'hi', headers: { 'x-own': '1', 'content-type': 'text/plain; charset=utf-8' } }); // prettier-ignore
    expect(told.headers).not.toHaveProperty('access-control-allow-origin');
    expect(told.headers).not.toHaveProperty('connection');
  });
  it('leads where the proxy leads', async () => {
    const { told } = await pass({ answers: { status: 302, headers: ['Location', '/x'] } });
    expect(told).toMatchObject({ code: 302, headers: { location: `${PREFIX}/x` } });
  });
  it.each(['', 'gzip'])('has its links rewritten (%j)', async (encoding) => {
    const page = '<a href="/x">';
    const headers = ['Content-Type', 'text/html', ...(encoding === '' ? [] : ['Content-Encoding', encoding])];
    const { told } = await pass({ answers: { headers, body: encoding === '' ? page : gzipSync(page) } });
    if (encoding === '') expect(told.body).toBe(`<a href="${PREFIX}/x">`);
    else expect(told.headers['content-encoding']).toBe('gzip');
  });
});
