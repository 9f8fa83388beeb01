import type { PatchType } from '../../../../bus/protocol/api.ts';
import { ApiError } from '../../../../schemas/meta/status.ts';
import type { Body } from '../../core.ts';
import type { RequestInfo } from '../../request.ts';
import type { Exchange } from './exchange.ts';

/** Source: apiserver pkg/server/config.go MaxRequestBodyBytes. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

const PATCHES: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};
/** Empty only where no type is given at all. Source: mime.ParseMediaType, as much of it as tells good types from bad. */
const mediaType = (value: string | undefined): string => {
  if (value === undefined || value === '') return '';
  const end = value.indexOf(';');
  if (end < 0) return value.trim().toLowerCase() || 'unreadable';
  if (!PARAMETERS.test(value.slice(end))) return 'unreadable';
  return value.slice(0, end).trim().toLowerCase() || 'unreadable';
};
const PARAMETERS = /^(?:\s*;\s*[^\s;=,"/]+\s*=\s*(?:[^\s;=,"/]+|"(?:[^"\\]|\\.)*"))*\s*;?\s*$/;
/** Undefined: none that any patch has; whether there is something to be patched comes first. */
export const patchTypeOf = (contentType: string | undefined): PatchType | undefined => PATCHES[mediaType(contentType)];
/** Throws RequestEntityTooLarge, UnsupportedMediaType. */
export async function readBody(exchange: Exchange, info: RequestInfo): Promise<Body> {
  let bytes: Buffer;
  try {
    bytes = await exchange.read(MAX_BODY_BYTES);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${MAX_BODY_BYTES}`, {
      cause: error,
    });
  }
  const type = mediaType(exchange.headers['content-type'] as string | undefined);
  if (info.verb === 'patch')
    return { bytes, contentType: type === 'application/apply-patch+yaml' ? 'application/yaml' : 'application/json' };
  if (type === '' || type === 'application/json') return { bytes, contentType: 'application/json' };
  if (type === 'application/yaml' || type === 'application/vnd.kubernetes.protobuf')
    return { bytes, contentType: type };
  if (bytes.length === 0 && info.verb.startsWith('delete')) return { bytes, contentType: 'application/json' };
  throw new ApiError(
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  );
}
