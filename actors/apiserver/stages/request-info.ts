import type { RequestInfo } from '../request.ts';

/** What a path asks for, before the verb is known. */
export interface ParsedPath {
  readonly isResource: boolean;
  readonly path: string;
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly name: string;
  readonly subresource: string;
  /** What follows the subresource: of proxies a path, otherwise nothing may. */
  readonly rest: string;
  /** The deprecated `/watch/` prefix. */
  readonly watchPrefix: boolean;
}
const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'finalize']);
const decode = (segment: string): string => (segment.includes('%') ? safeDecode(segment) : segment);
function safeDecode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
const plainPath = (path: string): ParsedPath => ({
  isResource: false, path, group: '', version: '', namespace: '', resource: '', name: '', subresource: '', rest: '',
  watchPrefix: false,
}); // prettier-ignore

/** Source: apiserver pkg/endpoints/request requestinfo.go NewRequestInfo. */
export function parsePath(path: string): ParsedPath {
  const isCore = path.startsWith('/api/');
  if (!isCore && !path.startsWith('/apis/')) return plainPath(path);
  const parts = (path.endsWith('/') ? path.slice(1, -1) : path.slice(1)).split('/');
  let i = isCore ? 2 : 3;
  if (parts.length <= i) return plainPath(path);
  const group = isCore ? '' : decode(parts[1]!);
  const version = decode(parts[i - 1]!);
  const watchPrefix = parts[i] === 'watch' && parts.length > i + 1;
  if (watchPrefix) i++;
  let namespace = '';
  if (parts[i] === 'namespaces') {
    if (parts.length > i + 1) {
      namespace = decode(parts[i + 1]!);
      // `/namespaces/x/pods` is about pods; `/namespaces/x` and its own subresources about the namespace.
      if (parts.length > i + 2 && !NAMESPACE_SUBRESOURCES.has(parts[i + 2]!)) i += 2;
    }
  }
  return {
    isResource: true,
    path,
    group,
    version,
    namespace,
    resource: decode(parts[i]!),
    name: decode(parts[i + 1] ?? ''),
    subresource: decode(parts[i + 2] ?? ''),
    rest: parts.slice(i + 3).join('/'),
    watchPrefix,
  };
}

/** The path that a request for a resource has over HTTPS. */
export const pathOf = ({ group, version, namespace, resource, name, subresource }: RequestInfo): string =>
  [
    group === '' ? `/api/${version}` : `/apis/${group}/${version}`,
    ...(namespace === '' ? [] : ['namespaces', namespace]),
    resource, name, subresource,
  ].filter((part) => part !== '').join('/'); // prettier-ignore

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
/** Whatever it is, unless it says no. */
const isWatch = (value: string | null): boolean => value !== null && !['false', '0'].includes(value.toLowerCase());
export function requestInfo(method: string, parsed: ParsedPath, query: URLSearchParams): RequestInfo {
  const { isResource, path, group, version, resource, subresource, namespace } = parsed;
  if (!isResource)
    return { isResource, path, verb: method.toLowerCase(), group, version, resource, subresource, namespace, name: '' };
  let verb = VERBS[method] ?? '';
  let name = parsed.name;
  let fieldSelector: string | undefined;
  let labelSelector: string | undefined;
  if (name === '' && verb === 'delete') verb = 'deletecollection';
  if (name === '' && verb === 'get') verb = isWatch(query.get('watch')) || parsed.watchPrefix ? 'watch' : 'list';
  else if (parsed.watchPrefix && verb === 'get') verb = 'watch';
  if (name === '' && (verb === 'list' || verb === 'watch' || verb === 'deletecollection')) {
    fieldSelector = query.get('fieldSelector') ?? undefined;
    labelSelector = query.get('labelSelector') ?? undefined;
    if (fieldSelector !== undefined) name = nameSelected(fieldSelector);
  }
  return {
    isResource, path, verb, group, version, resource, subresource, namespace, name,
    ...(fieldSelector !== undefined && { fieldSelector }),
    ...(labelSelector && { labelSelector }),
  }; // prettier-ignore
}

/** Authorization may be granted for one name; a selector of exactly that name asks for no more. '': it names none. */
export const nameSelected = (fieldSelector: string): string =>
  /(?:^|,)metadata\.name==?([^,=!]+)(?:,|$)/.exec(fieldSelector)?.[1] ?? '';
