/**
 * What the server serves: `createDiscoveryHandler({ registry, server })` answers `/`, `/version`, `/api`, `/apis` (plain
 * and aggregated, with ETag and 304), `/api/v1`, `/apis/<group>`, `/apis/<group>/<version>`. Each is made when it is asked
 * for and kept; a change concerns those of its group, and the aggregated one is joined anew from the groups' parts.
 */
import { createHash } from 'node:crypto';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { Registry } from '../../../schemas/resource.ts';
import { healthPaths } from '../health/checks.ts';
import type { PathAnswer, PathHandler, PathRequest } from '../request.ts';
import { printYaml } from '../../../schemas/codec/yaml-print.ts';
import { negotiateAggregated, negotiateDocument, type Accepted } from '../doors/https/accept.ts';
import { documentProtobuf } from '../encoding/protobuf.ts';
import {
  aggregated, aggregatedGroup, apiGroup, apiGroupList, apiResourceList, apiVersions, groupsOf, type GroupVersions,
} from './documents.ts'; // prettier-ignore
import { withElsewhere, type ElsewhereGroups } from './elsewhere.ts';
import { versionInfo } from './version.ts';

const JSON_TYPE = 'application/json';
const AGGREGATED = ';g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
const UNKNOWN: PathAnswer = {
  code: 404,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' },
  body: '404 page not found\n',
};
const OTHER_PATHS = [
  '/.well-known/openid-configuration', '/flagz', '/metrics', '/metrics/slis', '/openapi/v2', '/openapi/v3', '/openapi/v3/',
  '/openid/v1/jwks', '/statusz', '/version',
]; // prettier-ignore

/** A document as an object (for other media types) and as JSON, made when it is asked for. */
interface Document {
  readonly object: () => object;
  readonly json: () => string;
}
function documentOf(object: () => object): Document {
  let text: string | undefined;
  return { object, json: () => (text ??= `${JSON.stringify(object())}\n`) };
}
interface Aggregated {
  readonly object: () => object;
  readonly body: () => string;
  readonly etag: string;
}
/** What is said of one group; made of what it serves, and kept as long as that is the same. */
interface GroupDocuments {
  readonly group: GroupVersions;
  readonly byPath: ReadonlyMap<string, Document>;
  /** Its part of the aggregated document, and what tells it from others. */
  readonly item: () => { readonly json: string; readonly digest: string };
}
function groupDocuments(group: GroupVersions): GroupDocuments {
  const byPath = new Map<string, Document>();
  const base = baseOf(group);
  if (group.name !== '')
    byPath.set(
      base,
      documentOf(() => ({ kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(group) })),
    );
  for (const { version, resources, elsewhere } of group.versions)
    // What another server has it answers itself.
    if (elsewhere === undefined)
      byPath.set(
        `${base}/${version}`,
        documentOf(() => apiResourceList(group.name, version, resources)),
      );
  let made: { readonly json: string; readonly digest: string } | undefined;
  return {
    group,
    byPath,
    item: () => {
      if (made !== undefined) return made;
      const json = JSON.stringify(aggregatedGroup(group));
      made = { json, digest: sha512(json) };
      return made;
    },
  };
}
const baseOf = ({ name }: GroupVersions): string => (name === '' ? '/api' : `/apis/${name}`);
const sha512 = (text: string): string => createHash('sha512').update(text).digest('hex').toUpperCase();
/** Whether nothing that is served of a group has changed. */
const isSame = (a: GroupVersions, b: GroupVersions): boolean =>
  a.versions.length === b.versions.length &&
  a.versions.every((v, i) => {
    const w = b.versions[i]!;
    if (v.version !== w.version || v.elsewhere?.resources !== w.elsewhere?.resources) return false;
    if (v.elsewhere?.isFresh !== w.elsewhere?.isFresh || v.resources.length !== w.resources.length) return false;
    return v.resources.every((resource, j) => resource === w.resources[j]);
  });
/** The whole document, joined from those of its groups. */
function aggregatedOf(groups: readonly GroupDocuments[]): () => Aggregated {
  let made: Aggregated | undefined;
  return () => {
    if (made !== undefined) return made;
    let body: string | undefined;
    const items = groups.map(({ item }) => item());
    const empty = JSON.stringify(aggregated([], 'v2'));
    made = {
      object: () => aggregated(groups.map(({ group }) => group), 'v2'),
      body: () => (body ??= `${empty.slice(0, -2)}${items.map(({ json }) => json).join(',')}]}\n`),
      etag: `"${sha512(items.map(({ digest }) => digest).join())}"`,
    };
    return made;
  };
} // prettier-ignore

const isBuiltIn = (registry: Registry, group: string): boolean =>
  registry.all().some((r) => r.group === group && r.definition.custom === undefined);
/** `server` is `host:port` as the client reached it, for `/api`. */
export function createDiscoveryHandler({
  registry,
  server,
  remote,
}: {
  readonly registry: Registry;
  readonly server: () => string;
  readonly remote?: ElsewhereGroups | undefined;
}): PathHandler {
  let built: ReturnType<typeof build> | undefined;
  const known = new Map<string, GroupDocuments>();
  const forget = (): void => {
    built = undefined;
  };
  registry.onChange(forget);
  remote?.onChange(forget);
  const version = documentOf(() => versionInfo);

  return (request) => {
    const { path, method, headers } = request;
    if (path === '/index.html') return raw((built ??= build(registry, remote, known)).root);
    const trimmed = path !== '/' && path.endsWith('/') ? path.slice(0, -1) : path;
    const parts = trimmed.split('/');
    const root = parts[1] ?? '';
    if (path !== '/' && root !== 'version' && root !== 'api' && root !== 'apis') return undefined;
    if (root === 'version' && parts.length > 2) return undefined;
    built ??= build(registry, remote, known);
    if (root === '') return raw(built.root);
    // What is routed like resources knows no HEAD.
    const only = method === 'GET';
    if (root === 'version') {
      if (!only) notAllowed();
      assertTakesJson(String(headers['accept'] ?? ''));
      return raw(version);
    }
    if (trimmed === '/api' || trimmed === '/apis') {
      const which = trimmed === '/api' ? built.core : built.groups;
      const accepted = negotiateAggregated(String(headers['accept'] ?? ''));
      if (trimmed === '/api' && !only) notAllowed();
      if (accepted !== undefined) return aggregate(which.aggregated(), accepted, headers['if-none-match']);
      if (trimmed === '/apis') return plain(built.groups.plain, request, false);
      return plain(
        documentOf(() => apiVersions(server())),
        request,
        true,
      );
    }
    const found = built.at(trimmed);
    // Lists of groups and single groups answer whatever they are asked.
    const isGroup = root === 'apis' && parts.length === 3;
    if (found !== undefined) return only || isGroup ? plain(found, request, !isGroup) : notAllowed();
    const group = parts[2] ?? '';
    if (root === 'apis' && !isBuiltIn(registry, group)) return UNKNOWN;
    throw new ApiError('NotFound', 'the server could not find the requested resource', { details: {} });
  };
}

/** Throws NotAcceptable. The router knows one type there. Source: emicklei/go-restful Route.matchesAccept. */
function assertTakesJson(accept: string): void {
  const types = accept.split(',').map((part) => part.split(';')[0]!.trim());
  if (accept === '' || types.includes('*/*') || types.includes('application/json')) return;
  throw new ApiError('NotAcceptable', '406: Not Acceptable\n\nAvailable representations: application/json', {
    details: {},
  });
}
/** `known`: what was made of each group before, by its name. */
function build(registry: Registry, remote: ElsewhereGroups | undefined, known: Map<string, GroupDocuments>) {
  const { core, groups: own } = groupsOf(registry);
  const groups = remote === undefined ? { plain: own, byName: own } : withElsewhere(own, remote);
  const all = new Map<string, GroupDocuments>();
  for (const group of [core, ...groups.plain]) {
    const before = known.get(group.name);
    all.set(group.name, before !== undefined && isSame(before.group, group) ? before : groupDocuments(group));
  }
  known.clear();
  for (const [name, documents] of all) known.set(name, documents);
  const of = (list: readonly GroupVersions[]): GroupDocuments[] => list.map(({ name }) => all.get(name)!);
  const paths = (): string[] => {
    const served = [...all.values()].flatMap(({ group, byPath }) => [
      ...byPath.keys(),
      ...group.versions.flatMap((v) => (v.elsewhere === undefined ? [] : [`${baseOf(group)}/${v.version}`])),
    ]);
    return ['/api', '/apis', '/apis/', ...served, ...healthPaths(), ...OTHER_PATHS].sort();
  };
  return {
    at: (path: string): Document | undefined => {
      const [, root, name = ''] = path.split('/');
      return (root === 'api' ? all.get('') : all.get(name))?.byPath.get(path);
    },
    root: documentOf(() => ({ paths: paths() })),
    core: { aggregated: aggregatedOf(of([core])) },
    groups: {
      plain: documentOf(() => apiGroupList(groups.plain)),
      aggregated: aggregatedOf(of(groups.byName)),
    },
  };
}

function plain(document: Document, { headers, query }: PathRequest, routed: boolean): PathAnswer {
  const { format, pretty } = negotiateDocument(headers['accept'] as string | undefined, routed);
  // Who may want it indented is given it otherwise.
  const forPeople = pretty || query.has('pretty') || PEOPLE.test((headers['user-agent'] as string | undefined) ?? '');
  return format === 'json' && !forPeople ? jsonAnswer(document) : { code: 200, body: document.object() };
}
const PEOPLE = /^(?:curl|Wget|Mozilla\/5\.0)/;
const jsonAnswer = (document: Document): PathAnswer => ({
  code: 200,
  headers: { 'Content-Type': JSON_TYPE },
  body: document.json(),
});
/** Whatever the client takes: for people. */
const raw = (document: Document): PathAnswer => ({
  code: 200,
  headers: { 'Content-Type': JSON_TYPE },
  body: JSON.stringify(document.object(), null, 2),
});
function notAllowed(): never {
  const message = 'the server does not allow this method on the requested resource';
  throw new ApiError('MethodNotAllowed', message, { details: {} });
}
function aggregate(document: Aggregated, accepted: Accepted, seen: string | string[] | undefined): PathAnswer {
  const { etag } = document;
  const headers = { 'Cache-Control': 'public', ETag: etag, Vary: 'Accept' };
  if (seen === etag) return { code: 304, headers: { ...headers, 'Content-Type': '' }, body: '' };
  const body =
    accepted.format === 'json'
      ? document.body()
      : accepted.format === 'yaml'
        ? printYaml(document.object())
        : documentProtobuf(document.object());
  return { code: 200, headers: { ...headers, 'Content-Type': `${accepted.contentType}${AGGREGATED}` }, body };
}
