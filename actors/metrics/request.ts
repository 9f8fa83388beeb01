/** What a request asks for. Source: apiserver pkg/endpoints/handlers get.go, negotiation; metrics-server pkg/api. */
import { GROUP, METRICS_RESOURCES, VERSION } from '../../schemas/metrics/discovery.ts';
import { checkFields, parseFieldSelector } from '../../schemas/meta/field-selectors.ts';
import { parseLabelSelector } from '../../schemas/meta/selectors.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import type { ExtensionRequest } from '../../bus/protocol/extension.ts';

export type Wanted =
  | { readonly of: 'resources' }
  | { readonly of: 'document' }
  | (Format & { readonly of: 'one'; readonly resource: Kind; readonly namespace: string; readonly name: string })
  | (Format & {
      readonly of: 'list';
      readonly resource: Kind;
      /** '' for all. */
      readonly namespace: string;
      readonly labelSelector?: string;
      readonly fieldSelector?: string;
    });
type Kind = 'nodes' | 'pods';
interface Format {
  /** undefined: objects as they are. */
  readonly table?: 'None' | 'Metadata' | 'Object';
}
const BASE = `/apis/${GROUP}/${VERSION}`;
const FIELDS: readonly string[] = ['metadata.name', 'metadata.namespace'];

/** Throws ApiError. */
export function read({ method, target, headers }: Pick<ExtensionRequest, 'method' | 'target' | 'headers'>): Wanted {
  const [path = '', search = ''] = target.split('?');
  const query = new URLSearchParams(search);
  if (path === `/openapi/v3${BASE}`) return { of: 'document' };
  const segments = path === BASE ? [] : path.startsWith(`${BASE}/`) ? path.slice(BASE.length + 1).split('/') : [''];
  const [namespace, rest] = segments[0] === 'namespaces' ? [decoded(segments[1]), segments.slice(2)] : ['', segments];
  if (rest.length === 0 && namespace === '') return { of: 'resources' };
  const [resource = '', name = '', ...more] = rest.map(decoded);
  const known = METRICS_RESOURCES.find((r) => r.name === resource);
  if (known === undefined || more.length > 0 || (namespace !== '') !== known.namespaced && (namespace !== '' || name !== ''))
    throw new ApiError('NotFound', 'the server could not find the requested resource', { details: {} });
  if (method !== 'GET' && method !== 'HEAD')
    throw new ApiError('MethodNotAllowed', 'the server does not allow this method on the requested resource', { details: {} });
  const at = { resource: resource as Kind, namespace, ...formatOf(headers, query) };
  if (name !== '') return { of: 'one', ...at, name };
  if (isTrue(query.get('watch')))
    throw new ApiError('MethodNotAllowed', `watch is not supported on resources of kind "${resource}.${GROUP}"`, { details: { group: GROUP, kind: resource } });
  return { of: 'list', ...at, ...selectorsOf(query) };
} // prettier-ignore
const decoded = (text = ''): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};
const isTrue = (value: string | null): boolean => value !== null && !['0', 'f', 'F', 'false', 'False', 'FALSE'].includes(value); // prettier-ignore

function selectorsOf(query: URLSearchParams): { labelSelector?: string; fieldSelector?: string } {
  const [labelSelector, fieldSelector] = [query.get('labelSelector') ?? '', query.get('fieldSelector') ?? ''];
  try {
    parseLabelSelector(labelSelector);
    checkFields(parseFieldSelector(fieldSelector), (field) => FIELDS.includes(field));
  } catch (error) {
    throw new ApiError('BadRequest', (error as Error).message, { cause: error });
  }
  return { ...(labelSelector !== '' && { labelSelector }), ...(fieldSelector !== '' && { fieldSelector }) };
}

/** The first type of those accepted that there is; none said is JSON. */
function formatOf(headers: readonly string[], query: URLSearchParams): Format {
  const accept = headerOf(headers, 'accept');
  for (const part of accept === '' ? ['*/*'] : accept.split(',')) {
    const [type = '', ...parameters] = part.split(';').map((p) => p.trim());
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*') continue;
    const of = new Map(parameters.map((p) => p.split('=') as [string, string]));
    if (!of.has('as')) return {};
    if (of.get('as') !== 'Table' || of.get('g') !== 'meta.k8s.io' || of.get('v') !== 'v1') continue;
    const include = query.get('includeObject') ?? 'Metadata';
    return { table: include === 'None' || include === 'Object' ? include : 'Metadata' };
  }
  throw new ApiError('NotAcceptable', 'only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io');
} // prettier-ignore
function headerOf(headers: readonly string[], wanted: string): string {
  for (let i = 0; i + 1 < headers.length; i += 2) if (headers[i]!.toLowerCase() === wanted) return headers[i + 1]!;
  return '';
}
