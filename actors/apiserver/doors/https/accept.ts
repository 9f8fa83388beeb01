import { ApiError } from '../../../../schemas/meta/status.ts';

/** How an answer is to look. */
export interface Accepted {
  readonly format: 'json' | 'yaml' | 'protobuf';
  readonly as: '' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';
  /** Version of the Table or PartialObjectMetadata. */
  readonly version: string;
  readonly contentType: string;
}
export const PLAIN_JSON: Accepted = { format: 'json', as: '', version: '', contentType: 'application/json' };

const FORMATS: Readonly<Record<string, Accepted['format']>> = {
  'application/json': 'json',
  'application/*': 'json',
  '*/*': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
};
const CONTENT_TYPE = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
};
const TRANSFORMS: ReadonlySet<string> = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);
const known = new Map<string, Accepted | ApiError>();
const LIMIT = 500;

/** Throws NotAcceptable. Source: apiserver pkg/endpoints/handlers/negotiation. */
export function negotiate(accept: string | undefined, protobuf: boolean): Accepted {
  if (accept === undefined || accept === '' || accept === 'application/json' || accept === '*/*') return PLAIN_JSON;
  const key = protobuf ? accept : ` ${accept}`;
  let result = known.get(key);
  if (result === undefined) {
    result = choose(accept, protobuf);
    if (known.size > LIMIT) known.clear();
    known.set(key, result);
  }
  if (result instanceof ApiError) throw result;
  return result;
}
function choose(accept: string, protobuf: boolean): Accepted | ApiError {
  let sawType = false;
  for (const clause of clauses(accept)) {
    const format = FORMATS[clause.type];
    if (format === undefined) continue;
    sawType = true;
    const { as = '', g: group = '', v: version = '' } = clause.parameters;
    if (format === 'protobuf' && (!protobuf || as === 'Table')) continue;
    if (as === '') return { format, as: '', version: '', contentType: CONTENT_TYPE[format] };
    if (!TRANSFORMS.has(as) || group !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) continue;
    return { format, as: as as Accepted['as'], version, contentType: CONTENT_TYPE[format] };
  }
  return sawType ? unacceptable(false) : notRouted();
}
interface Clause {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly q: number;
}
function clauses(accept: string): Clause[] {
  const list = accept.split(',').map((part): Clause => {
    const [type = '', ...rest] = part.split(';').map((s) => s.trim());
    const parameters: Record<string, string> = {};
    for (const p of rest) {
      const equals = p.indexOf('=');
      if (equals > 0) parameters[p.slice(0, equals)] = p.slice(equals + 1);
    }
    return { type: type.toLowerCase(), parameters, q: Number(parameters['q'] ?? '1') };
  });
  return list.sort((a, b) => b.q - a.q);
}
export const unacceptable = (watch: boolean): ApiError =>
  new ApiError(
    'NotAcceptable',
    `only the following media types are accepted: ${watch ? 'application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch' : 'application/json, application/yaml, application/vnd.kubernetes.protobuf'}`,
  );
const notRouted = (): ApiError =>
  new ApiError(
    'NotAcceptable',
    '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch',
    { details: {} },
  );
