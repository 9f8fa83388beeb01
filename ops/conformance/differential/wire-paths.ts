import type { Both } from './wire.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const discovery = (version: string, type = 'application/json'): string =>
  `${type};g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
const FORMS = [
  '',
  'application/json',
  'application/yaml',
  PROTOBUF,
  '*/*',
  'text/html',
  'application/cbor',
  `${PROTOBUF}, */*`,
  'application/json;q=0.1,application/yaml',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
];
const AGGREGATED = [
  discovery('v2'),
  discovery('v2beta1'),
  `${discovery('v2')},application/json`,
  `${discovery('v2beta1')},application/json`,
  `${discovery('v2')},${discovery('v2beta1')},application/json`,
  `${discovery('v1')},application/json`,
  discovery('v2', PROTOBUF),
  discovery('v2', 'application/yaml'),
  discovery('v2', '*/*'),
  `application/json;as=APIGroupDiscoveryList`,
  `application/json;v=v2;g=apidiscovery.k8s.io`,
  `${discovery('v2')};profile=nopeer`,
  `${discovery('v2')};q=0.1,application/json`,
  'application/json;as=APIGroupDiscoveryList;v=v2;g=x',
];
const PATHS = [
  '/',
  '/api',
  '/apis',
  '/api/',
  '/apis/',
  '/api/v1',
  '/apis/apps',
  '/apis/apps/',
  '/apis/apps/v1',
  '/apis/apps/v1/',
  '/apis/nope',
  '/apis/apps/v9',
  '/api/v2',
  '/version',
  '/version/',
  '/healthz',
  '/readyz',
  '/livez',
  '/readyz/ping',
  '/readyz/nope',
  '/openid/v1/jwks',
  '/.well-known/openid-configuration',
  '/openapi',
  '/openapi/v2',
  '/openapi/v2/',
  '/openapi/v4',
  '/openapi/v3',
  '/openapi/v3/',
  '/openapi/v3/api',
  '/openapi/v3/api/v1',
  '/openapi/v3/apis',
  '/openapi/v3/apis/apps',
  '/openapi/v3/apis/apps/v1',
  '/openapi/v3/version',
  '/openapi/v3/nope',
  '/nope',
  '/metrics/nope',
  '/logs',
  '/debug/pprof',
  '/statusz',
  '/flagz',
  '//api',
  '/api//v1',
  '/%61pi',
  '/favicon.ico',
  '/robots.txt',
  '/swagger.json',
  '/ui',
];
/** Too large, or full of what a server says of itself: only their heads are compared. */
const HEADS = /^\/(?:openapi\/v[23]|openapi\/v3\/api|version|statusz|flagz|openid|\.well-known)/;

/** What is no object: discovery in its forms, OpenAPI, health. */
export async function paths(both: Both): Promise<void> {
  const ask = async (name: string, path: string, headers: Record<string, string>, method = 'GET'): Promise<void> => {
    if (!HEADS.test(path)) return void (await both.compare(name, { method, path, headers }));
    const answers = await both.send({ method, path, headers });
    const [real, ours] = answers.map(({ status, headers: h, zipped }) => ({
      status, type: String(h['content-type'] ?? ''), cache: String(h['cache-control'] ?? ''), vary: String(h['vary'] ?? ''), etag: h['etag'] !== undefined, location: String(h['location'] ?? '').replace(/hash=.*/, 'hash='), zipped,
    })); // prettier-ignore
    both.same(name, real!, ours!);
  };
  for (const path of PATHS) {
    await Promise.all(FORMS.map((accept) => ask(`GET ${path} as ${accept}`, path, accept === '' ? {} : { accept })));
    for (const method of ['HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) await ask(`${method} ${path}`, path, {}, method); // prettier-ignore
    await ask(`GET ${path} pretty`, `${path}?pretty=1`, {});
    await ask(`GET ${path} zipped`, path, { 'accept-encoding': 'gzip' });
  }
  for (const path of ['/api', '/apis'])
    for (const accept of AGGREGATED) {
      const [real, ours] = await both.compare(`GET ${path} as ${accept}`, { path, headers: { accept } });
      const tags = [real, ours].map(({ headers }) => String(headers['etag'] ?? ''));
      const again = (what: string, value: (tag: string) => string): Promise<unknown> =>
        both.compare(`GET ${path} again ${what} as ${accept}`, { path }, (i) => ({ headers: { accept, 'if-none-match': value(tags[i]!) } })); // prettier-ignore
      if (tags[0] === '' || tags[1] === '') continue;
      await again('tag', (tag) => tag);
      await again('weak tag', (tag) => `W/${tag}`);
      await again('star', () => '*');
      await again('tags', (tag) => `"x", ${tag}`);
      await again('another', () => '"x"');
    }
  for (const path of ['/openapi/v2', '/openapi/v3', '/openapi/v3/api/v1', '/openapi/v3/apis/apps/v1']) {
    const types = [
      'application/json',
      `application/com.github.proto-openapi.spec.v2@v1.0+protobuf`,
      `application/com.github.proto-openapi.spec.v2.v1.0+protobuf`,
      `application/com.github.proto-openapi.spec.v3@v1.0+protobuf`,
      `application/com.github.proto-openapi.spec.v3.v1.0+protobuf`,
      'application/yaml',
      'text/html',
      '*/*',
      'application/*',
      'application/json;q=0.5,*/*',
      '',
    ];
    for (const accept of types) await ask(`GET ${path} as ${accept}`, path, accept === '' ? {} : { accept });
    const answers = await both.send({ path });
    const tags = answers.map(({ headers }) => String(headers['etag'] ?? ''));
    const cases: readonly (readonly [string, (tag: string) => { path: string; headers: Record<string, string> }])[] = [
      ['tag', (tag) => ({ path, headers: { 'if-none-match': tag } })],
      ['weak tag', (tag) => ({ path, headers: { 'if-none-match': `W/${tag}` } })],
      ['star', () => ({ path, headers: { 'if-none-match': '*' } })],
      ['bare tag', (tag) => ({ path, headers: { 'if-none-match': tag.replaceAll('"', '') } })],
      ['right hash', (tag) => ({ path: `${path}?hash=${tag.replaceAll('"', '')}`, headers: {} })],
      ['wrong hash', () => ({ path: `${path}?hash=x`, headers: {} })],
      ['empty hash', () => ({ path: `${path}?hash=`, headers: {} })],
      ['a range', () => ({ path, headers: { range: 'bytes=0-9' } })],
      ['since', () => ({ path, headers: { 'if-modified-since': 'Fri, 21 Nov 2036 00:00:00 GMT' } })],
    ];
    for (const [what, of] of cases) {
      const got = await both.send({ path }, (i) => of(tags[i]!));
      const [real, ours] = got.map(({ status, headers }) => ({ status, type: String(headers['content-type'] ?? ''), cache: String(headers['cache-control'] ?? ''), etag: headers['etag'] !== undefined, location: String(headers['location'] ?? '').replace(/hash=.*/, 'hash='), expires: headers['expires'] !== undefined, range: String(headers['accept-ranges'] ?? '') })); // prettier-ignore
      both.same(`GET ${path} ${what}`, real!, ours!);
    }
  }
}
