import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  descriptionsFrom,
  openApiV2,
  openApiV3,
  openApiV3Index,
  type OpenApiDocument,
} from '../../../schemas/openapi/index.ts';
import type { Registry } from '../../../schemas/resource.ts';
import type { PathAnswer, PathHandler, PathRequest } from '../request.ts';

const V3 = '/openapi/v3';

/** `/openapi/v2` and `/openapi/v3`, with ETags: clients poll them. Source: kube-openapi pkg/handler, handler3. */
export function createOpenApiHandler(registry: Registry): PathHandler {
  const options = { describe: descriptionsFrom(modelsFolder()) };
  return (request) => {
    const { path } = request;
    if (!path.startsWith('/openapi/')) return undefined;
    const trimmed = path.endsWith('/') ? path.slice(0, -1) : path;
    if (trimmed === '/openapi/v2') return answer(request, openApiV2(registry, options), 'application/json');
    if (trimmed === V3) return answer(request, openApiV3Index(registry, options), 'text/plain; charset=utf-8');
    if (!trimmed.startsWith(`${V3}/`)) return undefined;
    const document = openApiV3(registry, trimmed.slice(V3.length + 1), options);
    if (document === undefined) return { code: 404, headers: { 'Content-Type': '' }, body: '' };
    const hash = request.query.get('hash');
    if (hash !== null && hash !== '' && `"${hash}"` !== document.etag) {
      const target = `${path}?hash=${document.etag.slice(1, -1)}`;
      return { code: 301, headers: { Location: target, 'Content-Type': 'text/html; charset=utf-8' }, body: '' };
    }
    const made = answer(request, document, 'application/json');
    if (hash === null || hash === '') return made;
    return { ...made, headers: { ...made.headers, 'Cache-Control': 'public, immutable' } };
  };
}
function answer(request: PathRequest, document: OpenApiDocument, contentType: string): PathAnswer {
  const headers = { ETag: document.etag, Vary: 'Accept', 'Content-Type': contentType };
  const seen = request.headers['if-none-match'];
  if (typeof seen === 'string' && seen.split(',').some((tag) => tag.trim() === document.etag))
    return { code: 304, headers, body: '' };
  return { code: 200, headers, body: document.json() };
}
/** Where the client library keeps the declarations that carry the descriptions. */
function modelsFolder(): string {
  try {
    const entry = createRequire(import.meta.url).resolve('@kubernetes/client-node');
    return join(dirname(entry), 'gen', 'models');
  } catch {
    return '';
  }
}
