/**
 * What the server serves: `createDiscoveryHandler({ registry, server })` answers `/`, `/version`, `/api`, `/apis` (plain
 * and aggregated, with ETag and 304), `/api/v1`, `/apis/<group>`, `/apis/<group>/<version>`. Documents are built once and
 * again when the registry changes.
 */
import { createHash } from 'node:crypto';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { Registry } from '../../../schemas/resource.ts';
import { healthPaths } from '../health/checks.ts';
import type { PathAnswer, PathHandler } from '../request.ts';
import { discoveryForm, parseAccept } from './accept.ts';
import {
  aggregated,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  groupsOf,
  type GroupVersions,
} from './documents.ts';
import type { RemoteGroups } from './remote.ts';
import { versionInfo } from './version.ts';

const JSON_TYPE = 'application/json';
const AGGREGATED_TYPE = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const UNKNOWN: PathAnswer = {
  code: 404,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' },
  body: '404 page not found\n',
};
const OTHER_PATHS = [
  '/.well-known/openid-configuration', '/flagz', '/metrics', '/metrics/slis', '/openapi/v2', '/openapi/v3', '/openapi/v3/',
  '/openid/v1/jwks', '/statusz', '/version',
]; // prettier-ignore

export { createRemoteGroups, createRemoteHandler } from './remote.ts';

/** A document as an object (for other media types) and as JSON, made when first asked for. */
interface Document {
  readonly object: object;
  readonly json: () => string;
}
function documentOf(object: object): Document {
  let text: string | undefined;
  return { object, json: () => (text ??= JSON.stringify(object)) };
}
interface Aggregated {
  readonly body: string;
  readonly etag: string;
}
function aggregatedOf(object: object): () => Aggregated {
  let made: Aggregated | undefined;
  return () => {
    if (made !== undefined) return made;
    const body = JSON.stringify(object);
    made = { body, etag: `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"` };
    return made;
  };
}

const isCustom = (registry: Registry, group: string): boolean =>
  registry.all().some((r) => r.group === group && r.definition.custom !== undefined);
/** `server` is `host:port` as the client reached it, for `/api`. */
export function createDiscoveryHandler({
  registry,
  server,
  remote,
}: {
  readonly registry: Registry;
  readonly server: () => string;
  readonly remote?: RemoteGroups | undefined;
}): PathHandler {
  let built: ReturnType<typeof build> | undefined;
  const forget = (): void => {
    built = undefined;
  };
  registry.onChange(forget);
  remote?.onChange(forget);
  const version = documentOf(versionInfo);

  return (request) => {
    const { path, method, headers } = request;
    const trimmed = path !== '/' && path.endsWith('/') ? path.slice(0, -1) : path;
    const parts = trimmed.split('/');
    const root = parts[1] ?? '';
    if (root !== '' && root !== 'version' && root !== 'api' && root !== 'apis') return undefined;
    if (root === 'version' && parts.length > 2) return undefined;
    if (trimmed !== '/apis' && method !== 'GET' && method !== 'HEAD')
      throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', {
        details: {},
      });
    built ??= build(registry, remote);
    if (root === '') return plain(built.root, headers);
    if (root === 'version') return plain(version, headers);
    if (trimmed === '/api' || trimmed === '/apis') {
      const { form, json } = discoveryForm(parseAccept(headers['accept']));
      if (form === 'none')
        throw new ApiError(
          'NotAcceptable',
          'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
        );
      const which = trimmed === '/api' ? built.core : built.groups;
      if (form === 'aggregated') return aggregate(which.aggregated(), headers['if-none-match']);
      const document = trimmed === '/api' ? documentOf(apiVersions(server())) : built.groups.plain;
      return json ? jsonAnswer(document) : { code: 200, body: document.object };
    }
    const found = built.byPath.get(trimmed);
    if (found !== undefined) return plain(found, headers);
    const group = parts[2] ?? '';
    if (root === 'apis' && (!built.byPath.has(`/apis/${group}`) || isCustom(registry, group))) return UNKNOWN;
    throw new ApiError('NotFound', 'the server could not find the requested resource', { details: {} });
  };
}

function build(registry: Registry, remote: RemoteGroups | undefined) {
  const { core, groups: own } = groupsOf(registry);
  const others = (remote?.list() ?? []).filter((g) => !own.some((o) => o.name === g.name));
  const groups: GroupVersions[] = [
    ...own,
    ...others.map((g) => ({ name: g.name, versions: g.versions.map((version) => ({ version, resources: [] })) })),
  ];
  const byPath = new Map<string, Document>();
  for (const g of [core, ...groups]) {
    const base = g.name === '' ? '/api' : `/apis/${g.name}`;
    if (g.name !== '') byPath.set(base, documentOf({ kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(g) }));
    for (const v of g.versions)
      if (v.resources.length > 0)
        byPath.set(`${base}/${v.version}`, documentOf(apiResourceList(g.name, v.version, v.resources)));
  }
  const paths = ['/api', '/apis', '/apis/', ...byPath.keys(), ...healthPaths(), ...OTHER_PATHS].sort();
  return {
    byPath,
    root: documentOf({ paths }),
    core: { aggregated: aggregatedOf(aggregated([core], 'v2')) },
    groups: { plain: documentOf(apiGroupList(groups)), aggregated: aggregatedOf(aggregated(groups, 'v2')) },
  };
}

type HeaderMap = Readonly<Record<string, string | string[] | undefined>>;
function plain(document: Document, headers: HeaderMap): PathAnswer {
  const wanted = parseAccept(headers['accept'])[0]!;
  const json = wanted.parameters['as'] === undefined && [JSON_TYPE, '*/*', 'application/*'].includes(wanted.type);
  return json ? jsonAnswer(document) : { code: 200, body: document.object };
}
const jsonAnswer = (document: Document): PathAnswer => ({
  code: 200,
  headers: { 'Content-Type': JSON_TYPE },
  body: document.json(),
});
function aggregate({ body, etag }: Aggregated, seen: string | string[] | undefined): PathAnswer {
  const headers = { 'Content-Type': AGGREGATED_TYPE, 'Cache-Control': 'public', ETag: etag, Vary: 'Accept' };
  const known = String(seen ?? '')
    .split(',')
    .some((tag) => tag.trim() === etag);
  return known ? { code: 304, headers, body: '' } : { code: 200, headers, body };
}
