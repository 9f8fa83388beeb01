/** An answer of a webhook of whatever sort, read as client-go reads one. Source: client-go rest/request.go, apimachinery pkg/api/errors NewGenericServerResponse. */
import { JsonSyntaxError, parseJson } from '../../../schemas/codec/json.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { ApiError, type Status, type StatusReason } from '../../../schemas/meta/status.ts';
import type { OutboundAnswer } from '../../runtime/outbound/outbound.ts';
import { notAnObject } from '../stages/decode.ts';

/** What a server says that says no more than a status code. */
const OF_CODE: Readonly<Record<number, string>> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  409: 'the server reported a conflict',
  422: 'the server rejected our request due to an error in our request',
  429: 'the server has received too many requests and has asked us to try again later',
  503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
};
const MAX_TEXT_BYTES = 2048;
/** Thrown: what is wrong with an answer. `code`: of the answer, or 503. */
export class BadAnswer extends Error {
  readonly code: number;
  constructor(message: string, code = 503) {
    super(message);
    this.code = code;
  }
}
/** An object that was answered. */
export type Answered = Record<string, unknown>;

/** The object in an answer of a webhook of whatever sort. Throws BadAnswer. */
export async function readObject(answer: OutboundAnswer): Promise<Answered> {
  const { status, headers, body } = answer;
  const contentType = headers['content-type'] ?? '';
  if (status < 200 || status > 206) {
    const own = (await statusIn(body))?.message;
    throw new BadAnswer(own ?? said(status, contentType, body), status);
  }
  if (body.length === 0) throw new BadAnswer(`0-length response with status code: ${status} and content type: ${contentType || 'application/json'}`);
  try {
    const answered = await parse(body);
    for (const field of ['apiVersion', 'kind'])
      if ((answered[field] ?? '') !== '' && typeof answered[field] !== 'string')
        throw new Error(`json: cannot unmarshal ${goJsonType(answered[field])} into Go struct field .${field} of type string`);
    return answered;
  } catch (error) {
    throw new BadAnswer(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
  }
} // prettier-ignore
/** As Go names what it finds in JSON. */
export const goJsonType = (value: unknown): string =>
  Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
function said(status: number, contentType: string, body: Uint8Array): string {
  const isText = contentType === '' || contentType.trimStart().toLowerCase().startsWith('text/');
  const text = isText ? Buffer.from(body.subarray(0, MAX_TEXT_BYTES)).toString().trim() : 'unknown';
  if (status === 403 || status === 415) return text;
  if (status === 406)
    return text === '' || text === 'unknown'
      ? 'the server was unable to respond with a content type that the client supports'
      : text;
  const known = OF_CODE[status];
  if (known !== undefined) return known;
  return status >= 500
    ? `an error on the server (${goQuote(text)}) has prevented the request from succeeding`
    : `the server responded with the status code ${status} but did not return more information`;
}
const REASONS: Readonly<Record<number, StatusReason>> = {
  400: 'BadRequest', 401: 'Unauthorized', 403: 'Forbidden', 404: 'NotFound', 405: 'MethodNotAllowed', 406: 'NotAcceptable',
  409: 'Conflict', 415: 'UnsupportedMediaType', 422: 'Invalid', 429: 'TooManyRequests', 503: 'ServiceUnavailable', 504: 'Timeout',
}; // prettier-ignore
interface Failure {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
}
interface Asked {
  readonly method: string;
  /** `<resource>.<group>` */
  readonly resource: string;
  readonly name: string;
}
/** What another API server's refusal comes to: its own Status, or what its code says. */
export async function failureOf({ status, contentType, body }: Failure, { method, resource, name }: Asked): Promise<ApiError> {
  const own = await statusIn(body);
  if (own !== undefined) return ApiError.from({ ...own, code: status });
  const reason = status === 409 && method === 'POST' ? 'AlreadyExists' : (REASONS[status] ?? (status >= 500 ? 'InternalError' : 'Unknown'));
  const about = [method.toLowerCase(), resource, name].filter((part) => part !== '').join(' ');
  return new ApiError(reason, `${said(status, contentType, body)} (${about})`, { code: status });
} // prettier-ignore
/** A Status that says that something failed. */
async function statusIn(body: Uint8Array): Promise<(Status & { readonly message: string }) | undefined> {
  if (body.length === 0) return undefined;
  try {
    const found = await parse(body);
    const { kind, apiVersion, status, message } = found;
    return kind === 'Status' && (apiVersion ?? 'v1') === 'v1' && status === 'Failure' && typeof message === 'string'
      ? (found as unknown as Status & { readonly message: string })
      : undefined;
  } catch {
    return undefined;
  }
}
/** JSON, or YAML where it is none. Throws Error with Go's text. */
async function parse(bytes: Uint8Array): Promise<Answered> {
  let value: unknown;
  try {
    ({ value } = parseJson(bytes));
  } catch (error) {
    const text = Buffer.from(bytes).toString().trimStart();
    // What goes too deep for one reader would keep the other busy for seconds.
    if (!(error instanceof JsonSyntaxError) || text.startsWith('{') || error.message.endsWith('exceeded max depth'))
      throw error;
    const { parseYaml } = await import('../../../schemas/codec/yaml.ts');
    ({ value } = await parseYaml(bytes));
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new Error(notAnObject(value).replace(/^.*json parse error: /, ''));
  return value as Answered;
}
export const unregistered = (kind: string, apiVersion: string): string =>
  `no kind ${goQuote(kind)} is registered for version ${goQuote(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`;
