import { sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ensureServing } from '../../pki/serving.ts';
import { HOSTS, PORT, USER } from './names.ts';

/** What is between nodes and registries: TLS, and who gives tokens. */
export interface Front {
  /** PEM of who vouches for it. */
  readonly ca: string;
  /** `METHOD host/path`, of all that was asked. */
  readonly asked: string[];
  /** Of requests for layers of the slow host: bytes a second. */
  pace: number;
  /** Layers that are being read now, by host. */
  readonly reading: Map<string, number>;
  /** The most of them that were at once. */
  most: number;
  close(): void;
}
/** Registries by the name of their host. `dir`: of keys and certificates. */
export async function startFront(dir: string, portOf: Readonly<Record<string, number>>): Promise<Front> {
  await ensureServing(dir, 'registry', [...Object.values(HOSTS), '*.wild.registry.test'], Date.now());
  const [cert, key, ca] = ['registry.crt', 'registry.key', 'ca.crt'].map((name) => readFileSync(join(dir, name), 'utf8'));
  const front = { ca: ca!, asked: [] as string[], pace: 0, reading: new Map<string, number>(), most: 0, close: () => server.close() };
  const tokens = tokenMaker(cert!, key!);

  function forward(host: string, asked: IncomingMessage, answer: ServerResponse): void {
    const port = portOf[host] ?? portOf[HOSTS.basic]!;
    const to = request({ host: '127.0.0.1', port, method: asked.method, path: asked.url, headers: asked.headers }, (from) => {
      answer.writeHead(from.statusCode!, from.headers);
      const isLayer = host === HOSTS.slow && asked.method === 'GET' && asked.url!.includes('/blobs/') && Number(from.headers['content-length']) > 100_000;
      if (!isLayer) return void from.pipe(answer);
      const now = (front.reading.get(host) ?? 0) + 1;
      front.reading.set(host, now);
      front.most = Math.max(front.most, now);
      answer.once('close', () => front.reading.set(host, front.reading.get(host)! - 1));
      from.pipe(paced(() => front.pace)).pipe(answer);
    });
    to.on('error', () => answer.destroy());
    answer.once('close', () => to.destroy());
    asked.pipe(to);
  }
  const server = createServer({ cert, key }, (asked, answer) => {
    const host = (asked.headers.host ?? '').split(':', 1)[0]!;
    front.asked.push(`${asked.method} ${host}${asked.url}`);
    if (host !== HOSTS.tokens) return forward(host, asked, answer);
    void tokens(asked).then(({ status, body }) => answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)));
  });
  await new Promise<void>((resolve) => server.listen(PORT, '0.0.0.0', resolve));
  return front;
} // prettier-ignore

/** Bytes a second; 0: as they come. */
const paced = (pace: () => number): Transform =>
  new Transform({
    highWaterMark: 1 << 16,
    transform(chunk: Buffer, _encoding, done) {
      const wait = pace() > 0 ? (chunk.length / pace()) * 1_000 : 0;
      void sleep(wait).then(() => done(null, chunk));
    },
  });

/** Source: distribution docs/spec/auth/token.md. */
function tokenMaker(cert: string, key: string) {
  const chain = cert.replace(/-----[^-]+-----|\s/g, '');
  const basic = `Basic ${Buffer.from(`${USER.name}:${USER.password}`).toString('base64')}`;
  return async (asked: IncomingMessage): Promise<{ readonly status: number; readonly body: object }> => {
    let form = new URL(asked.url!, 'https://x').searchParams;
    if (asked.method === 'POST') form = new URLSearchParams((await asked.toArray()).join(''));
    const isUser = asked.headers.authorization === basic || (form.get('username') === USER.name && form.get('password') === USER.password);
    if (!isUser) return { status: 401, body: { errors: [{ code: 'UNAUTHORIZED', message: 'who are you?' }] } };
    const access = (form.get('scope') ?? '').split(' ').filter(Boolean).map((scope) => {
      const [type, name, actions = ''] = scope.split(':');
      return { type, name, actions: actions.split(',') };
    });
    const now = Math.floor(Date.now() / 1_000);
    const claims = { iss: 'kubus', aud: 'kubus', sub: USER.name, jti: crypto.randomUUID(), iat: now, nbf: now - 10, exp: now + 300, access };
    const said = [{ alg: 'ES256', typ: 'JWT', x5c: [chain] }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    const token = `${said}.${sign('sha256', Buffer.from(said), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
    return { status: 200, body: { token, access_token: token, expires_in: 300 } };
  };
} // prettier-ignore
