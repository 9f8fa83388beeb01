import { ApiError } from '../../../schemas/meta/status.ts';
import { JsonSyntaxError, parseJson } from '../../../schemas/codec/json.ts';
import { badRequest } from '../errors.ts';

/**
 * Where a paged list goes on: the revision of its first page (-1: at the present state) and the first key to look at.
 * Source: apiserver pkg/storage/continue.go.
 */
export interface Continue {
  readonly revision: number;
  readonly start: string;
}
const encode = (prefix: string, start: string, revision: number): string =>
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: start.slice(prefix.length) })).toString(
    'base64url',
  );
export const encodeContinue = (prefix: string, lastKey: string, revision: number): string =>
  encode(prefix, `${lastKey}\0`, revision);

export function decodeContinue(token: string, prefix: string): Continue {
  let value: unknown;
  try {
    if (!/^[A-Za-z0-9_-]*$/.test(token)) throw new JsonSyntaxError('illegal base64 data at input byte 0');
    const bytes = Buffer.from(token, 'base64url');
    // Go's scanner looks at bytes, not at characters.
    if ((bytes[0] ?? 0) >= 0x80)
      throw new JsonSyntaxError(`invalid character '\\u00${bytes[0]!.toString(16)}' looking for beginning of value`);
    value = parseJson(bytes.toString('latin1')).value;
  } catch (error) {
    throw new ApiError('BadRequest', `invalid continue token: continue key is not valid: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const { v, rv, start } = (value ?? {}) as { v?: unknown; rv?: unknown; start?: unknown };
  if (v !== 'meta.k8s.io/v1')
    throw badRequest(
      `invalid continue token: continue key is not valid: server does not recognize this encoded version ${JSON.stringify(v ?? '')}`,
    );
  if (typeof rv !== 'number' || rv === 0)
    throw badRequest(
      'invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
    );
  if (typeof start !== 'string' || start === '')
    throw badRequest(
      'invalid continue token: continue key is not valid: encoded start key empty (version meta.k8s.io/v1)',
    );
  const clean = Buffer.from(start, 'latin1').toString('utf8');
  if (clean.split('/').includes('..')) throw badRequest(`invalid continue token: continue key is not valid: ${clean}`);
  return { revision: rv, start: prefix + clean };
}
/** Carries a token that goes on with the present state instead. */
export function tooOldToContinue(prefix: string, from: string): ApiError {
  const error = new ApiError(
    'Expired',
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
      'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
      'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
      'deleted between the time the first chunk was returned and now may show up in the list.',
  );
  const metadata = { continue: encode(prefix, from, -1) };
  return Object.assign(error, { status: { ...error.status, metadata } });
}
