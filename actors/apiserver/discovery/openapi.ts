import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { OpenApiDocument } from '../../../schemas/openapi/index.ts';
import type { Registry, Resource } from '../../../schemas/resource.ts';
import { serveContent } from './content.ts';
import type { PathAnswer, PathHandler, PathRequest } from '../request.ts';

const V3 = '/openapi/v3';
/** Adds what other servers have. */
interface OtherDocuments {
  mergeIndex(own: OpenApiDocument): OpenApiDocument;
  mergeV2(own: OpenApiDocument): OpenApiDocument;
}
const NO_OTHERS: OtherDocuments = { mergeIndex: (own) => own, mergeV2: (own) => own };

/** `/openapi/v2` and `/openapi/v3`, with ETags: clients poll them. Source: kube-openapi pkg/handler, handler3. */
export function createOpenApiHandler(registry: Registry, others: OtherDocuments = NO_OTHERS): PathHandler {
  // The documents' facts are large: they are read when somebody first asks for a document.
  let loading: Promise<PathHandler> | undefined;
  return (request) => {
    if (!request.path.startsWith('/openapi/')) return undefined;
    loading ??= load(registry, others);
    return loading.then(async (handler) => (await handler(request)) ?? NOT_FOUND);
  };
}
const NOT_FOUND: PathAnswer = {
  code: 404,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' },
  body: '404 page not found\n',
};
async function load(registry: Registry, others: OtherDocuments): Promise<PathHandler> {
  const openApi = await import('../../../schemas/openapi/index.ts');
  const place = descriptions();
  const options = {
    // Their hashes tell documents that describe from those that do not.
    describe: place === undefined ? undefined : openApi.descriptionsFrom(place),
    customSchema: (r: Resource) => r.definition.custom?.schema as Record<string, unknown> | undefined,
  };
  return (request) => {
    const { path: trimmed } = request;
    if (trimmed.endsWith('/')) return undefined;
    if (trimmed === '/openapi/v2') {
      const document = others.mergeV2(openApi.openApiV2(registry, options));
      if (!wantsProtobuf(String(request.headers['accept'] ?? ''))) return answer(request, document, JSON_TYPE);
      return asProtobuf(document).then((other) => answer(request, other, PROTOBUF_TYPE));
    }
    if (trimmed === V3)
      return answer(request, others.mergeIndex(openApi.openApiV3Index(registry, options)), 'text/plain; charset=utf-8');
    if (!trimmed.startsWith(`${V3}/`)) return undefined;
    const document = openApi.openApiV3(registry, trimmed.slice(V3.length + 1), options);
    if (document === undefined) return { code: 404, headers: { 'Content-Type': '' }, body: '' };
    const hash = request.query.get('hash');
    if (hash !== null && hash !== '' && `"${hash}"` !== document.etag) {
      const target = `${trimmed}?hash=${document.etag.slice(1, -1)}`;
      return { code: 301, headers: { Location: target, 'Content-Type': 'text/html; charset=utf-8' }, body: '' };
    }
    const made = answer(request, document, JSON_TYPE);
    if (hash === null || hash === '') return made;
    return { ...made, headers: { ...made.headers, 'Cache-Control': 'public, immutable' } };
  };
}
function answer(request: PathRequest, document: OpenApiDocument, contentType: string): PathAnswer {
  if (contentType === JSON_TYPE && !takesJson(String(request.headers['accept'] ?? '')))
    return { code: 406, headers: { Vary: 'Accept', 'Content-Type': '' }, body: '' };
  const vary =
    request.path === V3 ? {} : { Vary: request.path === '/openapi/v2' ? 'Accept-Encoding, Accept' : 'Accept' };
  const headers = { ETag: document.etag, ...vary, 'Content-Type': contentType };
  return serveContent(request, document.etag, headers, () => document.json());
}
const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** Its name as clients write it, and as it may be written. */
const PROTOBUF_NAMES = [PROTOBUF_TYPE, 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf'];
const wantsProtobuf = (accept: string): boolean => {
  const types = accept.split(',').map((part) => part.split(';')[0]!.trim());
  const at = types.findIndex((type) => PROTOBUF_NAMES.includes(type));
  return at >= 0 && !types.slice(0, at).includes(JSON_TYPE);
};
/** The newest document in the other encoding: large, rarely asked for (by kubectl for lists), made once. */
let other: { readonly of: string; readonly document: OpenApiDocument } | undefined;
async function asProtobuf(document: OpenApiDocument): Promise<OpenApiDocument> {
  if (other?.of === document.etag) return other.document;
  const { encodeOpenApiV2 } = await import('../../../schemas/openapi/v2-protobuf.ts');
  const bytes = encodeOpenApiV2(JSON.parse(new TextDecoder().decode(document.json())) as object);
  const made: OpenApiDocument = { etag: `${document.etag.slice(0, -1)}-protobuf"`, json: () => bytes };
  other = { of: document.etag, document: made };
  return made;
}
/** Who asks for the document as protobuf alone is given JSON: it says so. Source: kube-openapi pkg/handler. */
const takesJson = (accept: string): boolean =>
  accept === '' ||
  accept.split(',').some((part) => {
    const type = part.split(';')[0]!.trim();
    return type === JSON_TYPE || type === 'application/*' || type === '*/*' || type.startsWith('application/com.github.proto-openapi.'); // prettier-ignore
  });
/** Beside the bundle, or where the client library keeps the declarations that carry them. */
function descriptions(): string | undefined {
  const beside = join(import.meta.dirname, 'descriptions.json');
  if (existsSync(beside)) return beside;
  try {
    const entry = createRequire(import.meta.url).resolve('@kubernetes/client-node');
    return join(dirname(entry), 'gen', 'models');
  } catch {
    return undefined;
  }
}
