import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryHub } from '../../../bus/memory/bus.ts';
import { realWorld } from '../../../bus/real-world.ts';
import { ensurePki, type Pki } from '../../pki/pki.ts';
import { unauthorized } from '../authority.ts';
import { newCode, newLoginKey, wireToken } from '../logins.ts';
import type { ServerMessage } from '../protocol.ts';
import { startConsole, type Console } from '../server.ts';
import { fakeComponent, type FakeComponent } from './charts.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}
export interface Served {
  readonly console: Console;
  readonly component: FakeComponent;
  readonly pki: Pki;
  readonly token: string;
  code(at?: number): string;
  send(
    method: string,
    path: string,
    o?: { body?: unknown; headers?: Record<string, string>; raw?: string; certificate?: boolean },
  ): Promise<Answer>;
  /** The cookie of a session by a new code. */
  login(): Promise<string>;
  /** Messages of a stream, as they come. */
  stream(cookie: string): Promise<{ readonly messages: ServerMessage[]; close(): void }>;
  stop(): Promise<void>;
}
/** A console that looks at one component, on a bus of memory, over real HTTPS. The token `viewer` may look, no other is known. */
export async function serveForTest(): Promise<Served> {
  const dir = mkdtempSync(join(tmpdir(), 'kubus-console-'));
  writeFileSync(join(dir, 'index.html'), '<!doctype html><title>page</title>');
  writeFileSync(join(dir, 'secret.key'), 'not for everyone');
  const pki = await ensurePki(join(dir, 'pki'), ['127.0.0.1', 'localhost'], Date.now());
  const world = realWorld({ level: 'silent', unrefTimers: true });
  const bus = createMemoryHub({ world });
  const component = fakeComponent(bus.connect('scheduler'), world, 'scheduler', 's-1');
  const key = newLoginKey();
  const console = await startConsole({
    world,
    bus: bus.connect('console'),
    id: 'console-1',
    cluster: 'test',
    host: '127.0.0.1',
    port: 0,
    key: pki.serverKey,
    cert: pki.serverCert,
    clientCa: pki.ca,
    authority: {
      ofToken: (token) =>
        token === 'viewer' ? Promise.resolve({ user: 'viewer', canControl: false }) : Promise.reject(unauthorized()),
    },
    loginKey: key,
    owner: 'kubernetes-admin',
    page: dir,
    statelyPort: 0,
  });
  const base = `https://127.0.0.1:${console.port}`;
  const send: Served['send'] = (method, path, o = {}) =>
    new Promise((resolve, reject) => {
      const body = o.raw ?? (o.body === undefined ? undefined : JSON.stringify(o.body));
      const request = httpsRequest(
        `${base}${path}`,
        {
          method,
          ca: pki.ca,
          agent: false,
          ...(o.certificate && { cert: pki.adminCert, key: pki.adminKey }),
          headers: {
            ...(method !== 'GET' && { 'kubus-console': '1' }),
            ...(body !== undefined && { 'content-type': 'application/json' }),
            ...o.headers,
          },
        },
        (response) => {
          let text = '';
          response.on('data', (d: Buffer) => (text += d.toString()));
          response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  const code = (at = Date.now()): string => newCode(key, at);
  return {
    console,
    component,
    pki,
    token: wireToken(key),
    code,
    send,
    login: async () => {
      const { headers } = await send('POST', '/api/login', { body: { code: code() } });
      return String(headers['set-cookie']).split(';')[0]!;
    },
    stream: (cookie) =>
      new Promise((resolve, reject) => {
        const messages: ServerMessage[] = [];
        const request = httpsRequest(
          `${base}/api/stream`,
          { ca: pki.ca, agent: false, headers: { cookie } },
          (response) => {
            let rest = '';
            response.on('data', (d: Buffer) => {
              const parts = (rest + d.toString()).split('\n\n');
              rest = parts.pop()!;
              for (const part of parts)
                if (part.startsWith('data: ')) messages.push(JSON.parse(part.slice(6)) as ServerMessage);
            });
            response.on('error', () => undefined);
            resolve({ messages, close: () => request.destroy() });
          },
        );
        request.on('error', reject);
        request.end();
      }),
    stop: async () => {
      await console.stop();
      component.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
