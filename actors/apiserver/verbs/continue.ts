import { ApiError } from '../../../schemas/meta/status.ts';
import { JsonSyntaxError, parseJson } from '../../../schemas/codec/json.ts';
import { unmarshalError } from '../../../schemas/structural/scalar.ts';
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
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: `/${start.slice(prefix.length)}` })).toString(
    'base64url',
  );
export const encodeContinue = (prefix: string, lastKey: string, revision: number): string =>
  encode(prefix, `${lastKey}\0`, revision);

const refuse = (why: string): ApiError => badRequest(`invalid continue token: continue key is not valid: ${why}`);
const TOKEN = /^[A-Za-z0-9_-]*/;
/** Throws BadRequest. */
export function decodeContinue(token: string, prefix: string): Continue {
  const good = TOKEN.exec(token)![0].length;
  if (good < token.length) throw refuse(`illegal base64 data at input byte ${good}`);
  // One letter is no byte.
  if (token.length % 4 === 1) throw refuse(`illegal base64 data at input byte ${token.length - 1}`);
  const bytes = Buffer.from(token, 'base64url');
  const { v = '', rv = 0, start = '' } = read(bytes);
  if (v !== 'meta.k8s.io/v1') throw refuse(`server does not recognize this encoded version ${v}`);
  if (rv === 0) throw refuse('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (start === '') throw refuse('encoded start key empty (version meta.k8s.io/v1)');
  const clean = Buffer.from(start, 'latin1').toString('utf8');
  const key = clean.startsWith('/') ? clean : `/${clean}`;
  // Whoever leaves the place, or walks about in it, is up to something.
  const isClean = key === '/' || key.split('/').every((part, n) => (part === '' ? n === 0 : part !== '.' && part !== '..')); // prettier-ignore
  if (!isClean) throw refuse(clean);
  return { revision: rv, start: prefix + key.slice(1) };
}
interface Token {
  readonly v?: string;
  readonly rv?: number;
  readonly start?: string;
}
/** As Go reads it into its struct. */
function read(bytes: Buffer): Token {
  let value: unknown;
  try {
    // Go's scanner looks at bytes, not at characters.
    if ((bytes[0] ?? 0) >= 0x80)
      throw new JsonSyntaxError(`invalid character '\\u00${bytes[0]!.toString(16)}' looking for beginning of value`);
    value = parseJson(bytes.toString('latin1')).value;
  } catch (error) {
    throw new ApiError('BadRequest', refuse((error as Error).message).message, { cause: error });
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw refuse(unmarshalError(value, 'storage.continueToken', undefined));
  const token = value as Record<string, unknown>;
  for (const [name, given] of Object.entries(token)) {
    const goType = name === 'rv' ? 'int64' : name === 'v' || name === 'start' ? 'string' : '';
    if (goType === '' || given === null) continue;
    const place = { parent: undefined, name, struct: 'continueToken', goType };
    if (typeof given !== (name === 'rv' ? 'number' : 'string')) throw refuse(unmarshalError(given, goType, place));
    if (name === 'rv' && !Number.isInteger(given)) throw refuse(unmarshalError(given, goType, place, true));
  }
  return Object.fromEntries(Object.entries(token).filter(([, given]) => given !== null));
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
