import { ApiError } from '../../../../schemas/meta/status.ts';

type Format = 'json' | 'yaml' | 'protobuf';
/** How an answer is to look. */
export interface Accepted {
  readonly format: Format;
  readonly as: '' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';
  /** Version of the Table or PartialObjectMetadata. */
  readonly version: string;
  readonly contentType: string;
  /** `;pretty=1` was said with the type: JSON is indented. */
  readonly pretty?: boolean;
}
/** What the endpoint at hand can answer with. */
export interface Endpoint {
  /**
   * Builtin kinds go through a router that refuses unknown types by itself, lists say that they can be watched, and
   * reviews, tokens and most subresources know no Table.
   */
  readonly kind: 'item' | 'list' | 'custom' | 'tableless';
}
export const PLAIN_JSON: Accepted = { format: 'json', as: '', version: '', contentType: 'application/json' };

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
/** In the order in which a wildcard takes them. */
const FORMATS: readonly (readonly [format: Format, subtype: string, contentType: string])[] = [
  ['json', 'json', JSON_TYPE],
  ['yaml', 'yaml', YAML_TYPE],
  ['protobuf', 'vnd.kubernetes.protobuf', PROTOBUF_TYPE],
];
const TYPES = `${JSON_TYPE}, ${YAML_TYPE}, ${PROTOBUF_TYPE}`;
const STREAMS = `${JSON_TYPE};stream=watch, ${PROTOBUF_TYPE};stream=watch`;
const TRANSFORMS: ReadonlySet<string> = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);

type Negotiated = Accepted | ApiError;
const known = {
  item: new Map<string, Negotiated>(),
  list: new Map<string, Negotiated>(),
  custom: new Map<string, Negotiated>(),
  tableless: new Map<string, Negotiated>(),
};
const failures = new Map<string, Accepted | undefined>();
const LIMIT = 500;
/** Longer ones are nobody's habit, and not worth the room. */
const MAX_LENGTH = 512;
function remembered<T>(map: Map<string, T>, accept: string, make: () => T): T {
  if (accept.length > MAX_LENGTH) return make();
  if (map.has(accept)) return map.get(accept)!;
  const made = make();
  if (map.size > LIMIT) map.clear();
  map.set(accept, made);
  return made;
}

/** Throws NotAcceptable. Source: apiserver pkg/endpoints/handlers/negotiation. */
export function negotiate(accept: string | undefined, { kind }: Endpoint): Accepted {
  if (accept === undefined || accept === '' || accept === JSON_TYPE || accept === '*/*') return PLAIN_JSON;
  const result = remembered(known[kind], accept, () => choose(accept, kind));
  if (result instanceof ApiError) throw result;
  return result;
}
function choose(accept: string, kind: Endpoint['kind']): Negotiated {
  if (kind !== 'custom' && !isRouted(accept, kind)) return notRouted(kind);
  const found = pick(accept, 'v1', ({ as, g, v }, format) => {
    const plain = as === undefined && g === undefined && v === undefined;
    if (plain) return kind !== 'custom' || format !== 'protobuf';
    return isTransform(as, g, v, format) && (kind !== 'tableless' || as !== 'Table');
  });
  return found ?? unacceptable(false);
}
type Parameters = Readonly<Record<string, string>>;
/** The best clause that an endpoint allows. */
function pick(
  accept: string,
  serverVersion: string,
  allows: (parameters: Parameters, format: Format) => boolean,
): Accepted | undefined {
  for (const clause of clauses(accept))
    for (const [format, subtype, contentType] of FORMATS) {
      if (!covers(clause, subtype)) continue;
      const { as = '', v = '', stream, sv, pretty } = clause.parameters;
      if (stream !== undefined && (stream !== 'watch' || format === 'yaml')) continue;
      if ((sv !== undefined && sv !== serverVersion) || !allows(clause.parameters, format)) continue;
      return { format, as: as as Accepted['as'], version: v, contentType, ...(pretty === '1' && { pretty: true }) };
    }
  return undefined;
}
const isTransform = (as = '', group = '', version = '', format: Format): boolean =>
  group === 'meta.k8s.io' &&
  (version === 'v1' || version === 'v1beta1') &&
  TRANSFORMS.has(as) &&
  (as !== 'Table' || format !== 'protobuf');

/**
 * How a refusal is shown: errors know no other form than their own. undefined: in none of the types that are accepted,
 * so it is printed for people. Source: apiserver pkg/endpoints/handlers/responsewriters ErrorNegotiated.
 */
export function negotiateFailure(accept: string | undefined): Accepted | undefined {
  if (accept === undefined || accept === '' || accept === JSON_TYPE || accept === '*/*') return PLAIN_JSON;
  return remembered(failures, accept, () => pick(accept, '', isPlain));
}
const isPlain = ({ as, g, v }: Parameters): boolean => as === undefined && g === undefined && v === undefined;

/** Of documents that are no resources, such as discovery's. `routed`: the router looks first. Throws NotAcceptable. */
export function negotiateDocument(accept: string | undefined, routed: boolean): Accepted {
  if (routed && accept !== undefined && accept !== '' && !isRouted(accept, 'item')) throw notRouted('item');
  const found = negotiateFailure(accept);
  if (found === undefined) throw unacceptable(false);
  return found;
}
/** The aggregated form of discovery, if that is the first of what the client takes. */
export function negotiateAggregated(accept: string): Accepted | undefined {
  const found = pick(accept, '', (p) => isPlain(p) || (p['as'] === AGGREGATED && p['g'] === 'apidiscovery.k8s.io' && p['v'] === 'v2')); // prettier-ignore
  return found?.version === '' ? undefined : found;
}
const AGGREGATED = 'APIGroupDiscoveryList';

interface Clause {
  readonly type: string;
  readonly subtype: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly q: number;
}
const covers = ({ type, subtype }: Clause, wanted: string): boolean =>
  type === 'application' ? subtype === wanted || subtype === '*' : type === '*' && subtype === '*';

/** The clauses, best first. Source: munnerz/goautoneg ParseAccept, whose order is no total one. */
export function clauses(accept: string): readonly Clause[] {
  const list: Clause[] = [];
  for (const part of accept.split(',')) {
    const [range = '', ...rest] = trim(part).split(';');
    const [type = '', subtype = '', more] = range.split('/');
    if (more !== undefined || (subtype === '' && trim(type) !== '*')) continue;
    const parameters: Record<string, string> = {};
    let q = 1;
    for (const parameter of rest) {
      const [name = '', value = '', other] = parameter.split('=');
      if (value === '' || other !== undefined) continue;
      if (trim(name) === 'q') q = Number.isNaN(Number(value)) ? 0 : Number(value);
      else parameters[trim(name)] = trim(value);
    }
    list.push({ type: trim(type), subtype: subtype === '' ? '*' : trim(subtype), parameters, q });
  }
  for (let i = 1; i < list.length; i++)
    for (let j = i; j > 0 && isBetter(list[j]!, list[j - 1]!); j--) [list[j], list[j - 1]] = [list[j - 1]!, list[j]!];
  return list;
}
const isBetter = (a: Clause, b: Clause): boolean =>
  a.q > b.q || (a.type !== '*' && b.type === '*') || (a.subtype !== '*' && b.subtype === '*');
const trim = (text: string): string => text.replace(/^ +| +$/g, '');

/** The router knows whole types only. Source: emicklei/go-restful Route.matchesAccept. */
function isRouted(accept: string, kind: Endpoint['kind']): boolean {
  const produced = producedBy(kind).split(', ');
  return accept.split(',').some((part) => {
    const type = trim(part.split(';')[0]!);
    return type === '*/*' || produced.includes(type);
  });
}
const producedBy = (kind: Endpoint['kind']): string => (kind === 'list' ? `${TYPES}, ${STREAMS}` : TYPES);
const notRouted = (kind: Endpoint['kind']): ApiError =>
  new ApiError('NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${producedBy(kind)}`, {
    details: {},
  });
export const unacceptable = (watch: boolean): ApiError =>
  new ApiError('NotAcceptable', `only the following media types are accepted: ${watch ? STREAMS : TYPES}`);
/** A list was asked for as one object, or one object as a list. `goType`: what it is. */
export const unfitting = (as: string, goType: string): ApiError =>
  new ApiError(
    'NotAcceptable',
    as === 'PartialObjectMetadata'
      ? `you requested PartialObjectMetadata, but the requested object is a list (${goType})`
      : `you requested PartialObjectMetadataList, but the requested object is not a list (${goType})`,
  );
