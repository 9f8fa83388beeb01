import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ensurePki } from '../pki/pki.ts';
import { eventually, upForTest, type TestCluster } from '../testing/cluster.ts';
import { HttpsClient, type Answer, type Identity } from '../testing/https.ts';

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const MIB = 1024 * 1024;
const YAML = { 'content-type': 'application/yaml' };
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const UNRECOGNIZED = 'the object provided is unrecognized (must be of type ConfigMap): ';
const NOT_JSON = `${UNRECOGNIZED}couldn't get version/kind; json parse error: `;
const START = '({"apiVersion":"v1","kind":"Con ...)';
const named = (rest: string): string => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"bad"}${rest}`;

let cluster: TestCluster;
let dir: string;
let admin: HttpsClient;
const clients: HttpsClient[] = [];
const as = (identity: Identity): HttpsClient => {
  const client = new HttpsClient(join(cluster.data, 'kubeconfig'), identity);
  clients.push(client);
  return client;
};
const status = (answer: Answer): Record<string, unknown> => {
  const body = JSON.parse(answer.text) as Record<string, unknown>;
  expect(body).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code: answer.status });
  return body;
};

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-bad-'));
  cluster = await upForTest(['--only', 'etcd,apiserver', '--ephemeral'], { dir });
  admin = new HttpsClient(join(cluster.data, 'kubeconfig'));
});
afterAll(async () => {
  for (const client of [admin, ...clients]) client?.close();
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true });
});
afterEach(async () => {
  expect(cluster.process.exitCode).toBe(null);
  expect(await admin.send('GET', '/readyz')).toMatchObject({ status: 200, text: 'ok' });
});

describe('a body that cannot be read', () => {
  it.each<[string, string | Buffer, string]>([
    ['nothing', '', `${NOT_JSON}unexpected end of JSON input (<empty>)`],
    ['half an object', named(''), `${NOT_JSON}unexpected end of JSON input ${START}`],
    ['a comma too many', '{"apiVersion":"v1","kind":"ConfigMap",}', `${NOT_JSON}invalid character '}' looking for beginning of object key string ${START}`],
    ['single quotes', "{'a':1}", `${NOT_JSON}invalid character '\\'' looking for beginning of object key string ({'a':1})`],
    ['something after the end', `${named('}')} x`, `${NOT_JSON}invalid character 'x' after top-level value ${START}`],
    ['an unknown escape', '{"apiVersion":"v1","kind":"ConfigMap","a":"\\x"}', `${NOT_JSON}invalid character 'x' in string escape code ${START}`],
    ['a line break in a string', '{"apiVersion":"v1","kind":"ConfigMap","a":"\n"}', `${NOT_JSON}invalid character '\\n' in string literal ${START}`],
    ['NUL bytes', Buffer.from([0, 1, 2, 3]), `${NOT_JSON}invalid character '\\x00' looking for beginning of value (00010203)`],
    ['an array', '[]', `${NOT_JSON}json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } (5b5d)`],
    ['another kind', '{"apiVersion":"v1","kind":"Secret"}', 'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion'],
    ['arrays 10,000 deep in an object', named(`,"x":${nested(10_000)}}`), `${NOT_JSON}invalid character '[' exceeded max depth ${START}`],
    ['3 MiB of brackets', '['.repeat(3 * MIB), expect.stringContaining("invalid character '[' exceeded max depth")],
    ['objects without end', '{"a":'.repeat(600_000), expect.stringContaining("invalid character '{' exceeded max depth")],
    ['a byte that is no UTF-8 outside of strings', Buffer.from('{"apiVersion":"v1",\xff}', 'latin1'), expect.stringContaining("invalid character 'ÿ' looking for beginning of object key string")],
  ])('%s as JSON: 400', async (_name, body, message) => {
    const answer = await admin.send('POST', CONFIG_MAPS, body);
    expect(status(answer)).toMatchObject({ code: 400, reason: 'BadRequest', message });
  }); // prettier-ignore
  it('an unknown kind: 400', async () => {
    const answer = await admin.send('POST', CONFIG_MAPS, '{"apiVersion":"v1","kind":"Widget"}');
    expect(status(answer)['message']).toMatch(
      /^Widget in version "v1" cannot be handled as a ConfigMap: no kind "Widget" is registered for version "v1" in scheme "/,
    );
  });
  it.each<[string, string | Buffer, string | RegExp]>([
    ['a mapping in a mapping', 'a: b: c', `${UNRECOGNIZED}yaml: mapping values are not allowed in this context (613a20623a2063)`],
    ['an open quote', 'apiVersion: "v1\nkind: ConfigMap\n', /unrecognized .*: yaml: line 3: /],
    ['an open brace', 'apiVersion: v1\nmetadata: {name: a\n', /unrecognized .*: yaml: line \d: /],
    ['a tab', 'apiVersion: v1\n\tkind: ConfigMap\n', /unrecognized .*: yaml: line 2: found .*tab|found character that cannot start any token/],
    ['aliases that multiply', `a: &a [x,x,x,x,x,x,x,x,x,x]\n${[...'bcdefg'].map((n, i) => `${n}: &${n} [${`*${'abcdef'[i]!},`.repeat(9)}x]`).join('\n')}\n`, /unrecognized .*: yaml: .*alias/],
    ['lists 20,000 deep', `x: ${nested(20_000)}`, /unrecognized .*: yaml: exceeded max depth of 10000/],
    ['invalid UTF-8', Buffer.concat([Buffer.from('a: "'), Buffer.from([0xff, 0xfe]), Buffer.from('"\n')]), /unrecognized .*: yaml: invalid leading UTF-8 octet/],
  ])('%s as YAML: 400', async (_name, body, message) => {
    const answer = await admin.send('POST', CONFIG_MAPS, body, YAML);
    expect(status(answer)).toMatchObject({
      code: 400, reason: 'BadRequest',
      message: typeof message === 'string' ? message : (expect.stringMatching(message) as unknown),
    });
  }); // prettier-ignore
  it.each(['application/json', 'application/yaml'])(
    '9,999 levels of %s in an unknown field: it is dropped, with a warning',
    async (type) => {
      const body = named(`,"x":${nested(9_999)}}`);
      const answer = await admin.send('POST', CONFIG_MAPS, body, { 'content-type': type });
      expect(answer).toMatchObject({ status: 201, headers: { warning: '299 - "unknown field \\"x\\""' } });
      expect((await admin.send('DELETE', `${CONFIG_MAPS}/bad`)).status).toBe(200);
    },
  );
  it('bytes that are no UTF-8 in strings become U+FFFD, and names of them are refused as any wrong name', async () => {
    const send = (body: string): Promise<Answer> => admin.send('POST', CONFIG_MAPS, Buffer.from(body, 'latin1'));
    const made = await send(named(',"data":{"a":"x\xff\xe2\x82y"}}'));
    expect(JSON.parse(made.text)).toMatchObject({ data: { a: 'x\ufffd\ufffd\ufffdy' } });
    const patched = await admin.send('PATCH', `${CONFIG_MAPS}/bad`, Buffer.from('{"data":{"b":"\xff"}}', 'latin1'), {
      'content-type': 'application/merge-patch+json',
    });
    expect(JSON.parse(patched.text)).toMatchObject({ data: { b: '\ufffd' } });
    expect((await admin.send('DELETE', `${CONFIG_MAPS}/bad`)).status).toBe(200);
    expect(status(await send(named(',"data":{"a\xff":""}}')))['message']).toMatch(
      /^ConfigMap "bad" is invalid: data\[a\ufffd\]: Invalid value: "a\ufffd": a valid config key must consist of/,
    );
  });
  const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets';
  it('what a custom object may keep of any depth: 900 levels are kept, more are refused clearly', async () => {
    const schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
    const crd = {
      apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    }; // prettier-ignore
    await admin.send('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', JSON.stringify(crd));
    await eventually('the kind', async () => ((await admin.send('GET', WIDGETS)).status === 200 ? true : undefined));
    const widget = (name: string, depth: number): string =>
      `{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"${name}"},"spec":{"x":${nested(depth)}}}`;
    expect((await admin.send('POST', WIDGETS, widget('kept', 900))).status).toBe(201);
    expect((await admin.send('GET', `${WIDGETS}/kept`)).text).toContain(nested(900));
    for (const depth of [1_000, 1_500, 3_000, 6_000, 9_998]) {
      const answer = await admin.send('POST', WIDGETS, widget('deep', depth));
      expect(status(answer)).toMatchObject({
        code: 400, reason: 'BadRequest', message: expect.stringContaining('exceeded max depth') as unknown,
      });
      for (const type of ['merge-patch+json', 'apply-patch+yaml']) {
        const headers = { 'content-type': `application/${type}` };
        const patch = await admin.send('PATCH', `${WIDGETS}/kept?fieldManager=me`, widget('kept', depth), headers);
        expect(status(patch)).toMatchObject({ code: 400 });
      }
    } // prettier-ignore
    expect((await admin.send('GET', WIDGETS)).text).toContain(nested(900));
  });
  it.each<[string, string, string, Record<string, string>]>([
    ['POST', CONFIG_MAPS, 'application/json', {}],
    ['POST', CONFIG_MAPS, 'application/yaml', {}],
    ['POST', CONFIG_MAPS, 'application/json', { 'transfer-encoding': 'chunked' }],
    ['PUT', `${CONFIG_MAPS}/x`, 'application/json', {}],
    ['PATCH', `${CONFIG_MAPS}/x`, 'application/merge-patch+json', {}],
    ['DELETE', CONFIG_MAPS, 'application/json', {}],
  ])('one byte over 3 MiB to %s %s as %s %j: 413', async (method, path, type, headers) => {
    const answer = await admin.send(method, path, Buffer.alloc(3 * MIB + 1, 32), { 'content-type': type, ...headers });
    expect(status(answer)).toEqual({
      kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure',
      message: 'Request entity too large: limit is 3145728', reason: 'RequestEntityTooLarge', code: 413,
    });
  }); // prettier-ignore
  it('too much data in one object: 422', async () => {
    const answer = await admin.send('POST', CONFIG_MAPS, named(`,"data":{"a":"${'x'.repeat(2 * MIB)}"}}`));
    expect(status(answer)).toMatchObject({
      code: 422, message: 'ConfigMap "bad" is invalid: []: Too long: may not be more than 1048576 bytes',
    });
  }); // prettier-ignore
});

describe('a path that is not there', () => {
  it.each([
    ['/api/v1/widgets', 'the server could not find the requested resource'],
    ['/apis/apps/v1/namespaces/default/widgets/x', 'the server could not find the requested resource'],
    [`${CONFIG_MAPS}/a/b/c`, 'the server could not find the requested resource'],
    [`${CONFIG_MAPS}/missing`, 'configmaps "missing" not found'],
  ])('%s: 404', async (path, message) => {
    expect(status(await admin.send('GET', path))).toMatchObject({ code: 404, reason: 'NotFound', message });
  });
  it.each(['/nope', '/apis/nope.example.com/v1/things', '/apis/apps/v7/deployments', '/apis/nope/v1'])(
    '%s: 404 without a Status, for nobody serves that group',
    async (path) => {
      expect(await admin.send('GET', path)).toMatchObject({ status: 404, text: '404 page not found\n' });
    },
  );
  it('says neither to those who may not know', async () => {
    const path = '/apis/nope.example.com/v1/things';
    expect(status(await as({}).send('GET', path))).toMatchObject({ code: 403, reason: 'Forbidden' });
  });
});

describe('media types', () => {
  const UNKNOWN_FORMAT =
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf';
  it.each([
    ['POST', CONFIG_MAPS, 'text/plain', UNKNOWN_FORMAT],
    ['POST', CONFIG_MAPS, 'application/xml', UNKNOWN_FORMAT],
    ['POST', CONFIG_MAPS, ';;;///', UNKNOWN_FORMAT],
    ['PATCH', `${CONFIG_MAPS}/x`, 'application/json', '415: Unsupported Media Type'],
    ['PATCH', `${CONFIG_MAPS}/x`, 'text/plain', '415: Unsupported Media Type'],
  ])('%s %s as %s: 415', async (method, path, type, message) => {
    const answer = await admin.send(method, path, '{}', { 'content-type': type });
    expect(status(answer)).toMatchObject({ code: 415, reason: 'UnsupportedMediaType', message });
  });
  it.each(['image/png', 'application/xml', 'application/cbor'])('asked for %s: 406', async (accept) => {
    const answer = await admin.send('GET', CONFIG_MAPS, undefined, { accept });
    expect(status(answer)).toMatchObject({
      code: 406, reason: 'NotAcceptable', details: {},
      message: expect.stringMatching(/^406: Not Acceptable\n\nAvailable representations: application\/json, /) as unknown,
    });
  }); // prettier-ignore
});

describe('credentials', () => {
  const FORBIDDEN =
    'configmaps is forbidden: User "system:anonymous" cannot list resource "configmaps" in API group "" in the namespace "default"';
  it('nobody: 403 as system:anonymous, but the health of the server is open', async () => {
    const nobody = as({});
    expect(status(await nobody.send('GET', CONFIG_MAPS))).toEqual({
      kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure',
      message: FORBIDDEN, reason: 'Forbidden', details: { kind: 'configmaps' }, code: 403,
    });
    expect(status(await nobody.send('GET', '/metrics'))).toMatchObject({
      code: 403, message: 'forbidden: User "system:anonymous" cannot get path "/metrics"', details: {},
    });
    // Not a word about the body to those who may not write.
    expect(status(await nobody.send('POST', CONFIG_MAPS, '{'))).toMatchObject({ code: 403 });
    expect(await nobody.send('GET', '/readyz')).toMatchObject({ status: 200, text: 'ok' });
  }); // prettier-ignore
  const UNAUTHORIZED = {
    kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure',
    message: 'Unauthorized', reason: 'Unauthorized', code: 401,
  }; // prettier-ignore
  it.each(['garbage', 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.', '\u00ff\u00fe', 'x'.repeat(100_000)])(
    'bearer token %#: 401',
    async (token) => {
      const nobody = as({});
      for (const path of [CONFIG_MAPS, '/readyz'])
        expect(status(await nobody.send('GET', path, undefined, { authorization: `Bearer ${token}` }))).toEqual(
          UNAUTHORIZED,
        );
    },
  );
  it('a refusal comes as YAML to those who ask for that', async () => {
    const headers = { authorization: 'Bearer garbage', accept: 'application/yaml' };
    const answer = await as({}).send('GET', CONFIG_MAPS, undefined, headers);
    expect(answer.headers['content-type']).toBe('application/yaml');
    expect(answer.text).toBe(
      'apiVersion: v1\ncode: 401\nkind: Status\nmessage: Unauthorized\nmetadata: {}\nreason: Unauthorized\nstatus: Failure\n',
    );
  });
  it('no token after Bearer, or another scheme: nobody', async () => {
    for (const authorization of ['Bearer ', 'Basic YTpi', 'Bearer'])
      expect(status(await as({}).send('GET', CONFIG_MAPS, undefined, { authorization }))['message']).toBe(FORBIDDEN);
  });
  it('the administrator is known by the certificate, whatever the token', async () => {
    const answer = await admin.send('GET', CONFIG_MAPS, undefined, { authorization: 'Bearer garbage' });
    expect(answer.status).toBe(200);
  });
  it('a certificate that has expired: 401', async () => {
    const pki = join(dir, 'expired');
    mkdirSync(pki);
    for (const file of ['ca.crt', 'ca.key']) copyFileSync(join(cluster.data, 'pki', file), join(pki, file));
    const { adminCert, adminKey } = await ensurePki(pki, ['localhost'], Date.now() - 400 * 86_400_000);
    expect(status(await as({ cert: adminCert, key: adminKey }).send('GET', CONFIG_MAPS))).toEqual(UNAUTHORIZED);
  });
  it("a certificate of another cluster's authority: 401, also for what is open to nobody", async () => {
    const { adminCert, adminKey } = await ensurePki(join(dir, 'foreign'), ['localhost'], Date.now());
    const foreign = as({ cert: adminCert, key: adminKey });
    expect(status(await foreign.send('GET', CONFIG_MAPS))).toEqual(UNAUTHORIZED);
    expect(status(await foreign.send('GET', '/readyz'))).toEqual(UNAUTHORIZED);
  });
  it('a certificate for servers: 401', async () => {
    const pki = join(cluster.data, 'pki');
    const [cert, key] = ['apiserver.crt', 'apiserver.key'].map((f) => readFileSync(join(pki, f), 'utf8'));
    expect(status(await as({ cert: cert!, key: key! }).send('GET', CONFIG_MAPS))).toEqual(UNAUTHORIZED);
  });
});

describe('a connection that does not speak the protocol', () => {
  /** Everything that the server says until it ends the connection. */
  const said = (socket: Socket, write: string | Buffer, on: 'connect' | 'secureConnect'): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      socket.once(on, () => socket.write(write));
      socket.on('data', (d: Buffer) => (text += d.toString('latin1')));
      socket.on('error', () => undefined);
      socket.once('close', () => resolve(text));
    });
  const secure = (alpn?: string): Socket =>
    connectTls({ ...admin.tls, ...(alpn !== undefined && { ALPNProtocols: [alpn] }) });
  it.each([
    ['words', 'hello there\r\n\r\n', 400],
    ['bytes', Buffer.from([0, 255, 1, 254, 10, 10]), 400],
    ['a header without a colon', 'GET /readyz HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n', 400],
    ['no host', 'GET /readyz HTTP/1.1\r\n\r\n', 400],
    ['a length of letters', `POST ${CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n`, 400],
    ['two lengths', `POST ${CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400],
    ['2 MB of headers', `GET /readyz HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(2_000_000)}\r\n\r\n`, 431],
  ])('%s inside TLS', async (_name, bytes, code) => {
    expect(await said(secure(), bytes, 'secureConnect')).toMatch(new RegExp(`^HTTP/1.1 ${code} `));
  }); // prettier-ignore
  it('words where HTTP/2 was agreed', async () => {
    await said(secure('h2'), 'hello there, this is no preface\r\n\r\n', 'secureConnect');
  });
  it.each([
    ['words', 'hello there\r\n\r\n'],
    ['plain HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['half a handshake of nonsense', Buffer.from('16030100fa010000f60303000000000000', 'hex')],
    ['a megabyte of zeros', Buffer.alloc(MIB)],
  ])('%s instead of TLS', async (_name, bytes) => {
    const socket = connectTcp(admin.tls.port, admin.tls.host);
    const ended = said(socket, bytes, 'connect');
    // Who never finishes a handshake goes by himself here; the server need not wait for him either.
    if (Buffer.isBuffer(bytes) && bytes.length < 100) socket.once('connect', () => setImmediate(() => socket.end()));
    await ended;
  });
  it('connections that say nothing, and requests that stop half-way, hold up nobody', async () => {
    const half = `POST ${CONFIG_MAPS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"a`;
    const sockets = [
      ...Array.from({ length: 50 }, () => connectTcp(admin.tls.port, admin.tls.host)),
      ...Array.from({ length: 50 }, (_, i) => {
        const socket = secure();
        socket.once('secureConnect', () => socket.write(i % 2 === 0 ? half : half.slice(0, 40)));
        return socket;
      }),
    ];
    await Promise.all(sockets.map((s, i) => new Promise((r) => s.once(i < 50 ? 'connect' : 'secureConnect', r))));
    for (const socket of sockets) socket.on('error', () => undefined);
    expect((await admin.send('POST', CONFIG_MAPS, named('}').replace('bad', 'between'))).status).toBe(201);
    for (const [i, socket] of sockets.entries()) if (i % 3 === 0) socket.destroy();
    expect((await admin.send('GET', `${CONFIG_MAPS}/between`)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
  });
});

it('a watcher that does not read is let go, while others see everything', async () => {
  const watch = `GET ${CONFIG_MAPS}?watch=true HTTP/1.1\r\nHost: x\r\n\r\n`;
  const open = async (): Promise<{ socket: Socket; seen: () => number }> => {
    const socket = connectTls(admin.tls);
    let bytes = 0;
    socket.on('data', (d: Buffer) => (bytes += d.length));
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    socket.write(watch);
    await eventually('the head of a watch', () => (bytes > 0 ? true : undefined));
    return { socket, seen: () => bytes };
  };
  const slow = await open();
  const quick = await open();
  slow.socket.pause();
  const created = await admin.send('POST', CONFIG_MAPS, named('}').replace('bad', 'large'));
  expect(created.status).toBe(201);
  let sent = 0;
  // More than the kernel's buffers of a connection and the server's own for a watcher hold together.
  for (; sent < 60; sent++) {
    const large = { metadata: { name: 'large' }, data: { a: `${sent}`.padEnd(MIB - 100, 'x') } };
    const answer = await admin.send('PUT', `${CONFIG_MAPS}/large`, JSON.stringify(large));
    expect(answer.status).toBe(200);
  }
  await eventually('the quick one has all', () => (quick.seen() > sent * (MIB - 100) ? true : undefined));
  quick.socket.destroy();
  const closed = new Promise((resolve) => slow.socket.once('close', resolve));
  slow.socket.resume();
  await closed;
  expect(slow.seen()).toBeLessThan(sent * (MIB - 100));
});
