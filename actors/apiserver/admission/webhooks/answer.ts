/** An answer of a webhook, read as client-go reads one. Source: client-go rest/request.go, apimachinery pkg/api/errors NewGenericServerResponse. */
import { JsonSyntaxError, parseJson } from '../../../../schemas/codec/json.ts';
import { goQuote } from '../../../../schemas/meta/go-quote.ts';
import type { OutboundAnswer } from '../../outbound/outbound.ts';
import { notAnObject } from '../../stages/decode.ts';

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
type Review = Record<string, unknown>;

/** The object in an answer of a webhook of whatever sort. Throws BadAnswer. */
export async function readObject(answer: OutboundAnswer): Promise<Review> {
  const { status, headers, body } = answer;
  const contentType = headers['content-type'] ?? '';
  if (status < 200 || status > 206) {
    const own = await statusIn(body);
    throw new BadAnswer(own ?? said(status, contentType, body), status);
  }
  if (body.length === 0) throw new BadAnswer(`0-length response with status code: ${status} and content type: ${contentType || 'application/json'}`);
  try {
    return await parse(body);
  } catch (error) {
    throw new BadAnswer(`couldn't get version/kind; json parse error: ${(error as Error).message}`);
  }
} // prettier-ignore
/** The review in an answer of an admission webhook. Throws BadAnswer. */
export async function readReview(answer: OutboundAnswer, expectedVersion: string): Promise<Review> {
  const review = await readObject(answer);
  const { kind = '', apiVersion = '' } = review as { kind?: unknown; apiVersion?: unknown };
  const problem = typeProblem(String(kind), String(apiVersion), expectedVersion) ?? fieldProblem(review['response']);
  if (problem !== undefined) throw new BadAnswer(problem);
  return review;
}
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
/** The message of a Status that says that something failed. */
async function statusIn(body: Uint8Array): Promise<string | undefined> {
  if (body.length === 0) return undefined;
  try {
    const { kind, apiVersion, status, message } = await parse(body);
    return kind === 'Status' && (apiVersion ?? 'v1') === 'v1' && status === 'Failure' && typeof message === 'string'
      ? message
      : undefined;
  } catch {
    return undefined;
  }
}
/** JSON, or YAML where it is none. Throws Error with Go's text. */
async function parse(bytes: Uint8Array): Promise<Review> {
  let value: unknown;
  try {
    ({ value } = parseJson(bytes));
  } catch (error) {
    const text = Buffer.from(bytes).toString().trimStart();
    if (!(error instanceof JsonSyntaxError) || text.startsWith('{')) throw error;
    const { parseYaml } = await import('../../../../schemas/codec/yaml.ts');
    ({ value } = await parseYaml(bytes));
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new Error(notAnObject(value).replace(/^.*json parse error: /, ''));
  return value as Review;
}
/** Kinds that the client knows besides: all that is registered for Status and options there. */
function typeProblem(kind: string, apiVersion: string, expected: string): string | undefined {
  if (kind === '' || apiVersion === '') return undefined;
  if (kind === 'AdmissionReview' && apiVersion === `admission.k8s.io/${expected}`) return undefined;
  const target = `${expected}.AdmissionReview`;
  if (kind === 'AdmissionReview' && ['admission.k8s.io/v1', 'admission.k8s.io/v1beta1'].includes(apiVersion))
    return `converting (${apiVersion.split('/')[1]}.AdmissionReview) to (${target}): unknown conversion`;
  if (kind === 'Status' && apiVersion === 'v1') return `converting (v1.Status) to (${target}): unknown conversion`;
  return unregistered(kind, apiVersion);
}
export const unregistered = (kind: string, apiVersion: string): string =>
  `no kind ${goQuote(kind)} is registered for version ${goQuote(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`;

const isString = (value: unknown): boolean => typeof value === 'string';
const isMap = (value: unknown): value is Review => typeof value === 'object' && value !== null && !Array.isArray(value);
/** Fields of the answer, how they must look and what Go calls their type. */
const FIELDS: readonly [name: string, holds: (value: unknown) => boolean, type: string][] = [
  ['uid', isString, 'types.UID'],
  ['allowed', (v) => typeof v === 'boolean', 'bool'],
  ['status', isMap, 'v1.Status'],
  ['patch', isString, '[]uint8'],
  ['patchType', isString, 'v1.PatchType'],
  ['auditAnnotations', isMap, 'map[string]string'],
  ['warnings', Array.isArray, '[]string'],
];
function fieldProblem(response: unknown): string | undefined {
  if (response === undefined || response === null) return undefined;
  const wrong = (value: unknown, field: string, type: string): string =>
    `json: cannot unmarshal ${goKind(value)} into Go struct field ${field} of type ${type}`;
  if (!isMap(response)) return wrong(response, 'AdmissionReview.response', 'v1.AdmissionResponse');
  for (const [name, holds, type] of FIELDS) {
    const value = response[name];
    if (value !== undefined && value !== null && !holds(value)) return wrong(value, `AdmissionResponse.response.${name}`, type);
  }
  const texts: [string, readonly unknown[]][] = [
    ['auditAnnotations', Object.values(response['auditAnnotations'] ?? {})],
    ['warnings', (response['warnings'] ?? []) as readonly unknown[]],
  ];
  for (const [name, values] of texts)
    for (const value of values)
      if (value !== null && !isString(value)) return wrong(value, `AdmissionResponse.response.${name}`, 'string');
  const { patch } = response;
  const at = typeof patch === 'string' ? badBase64(patch) : undefined;
  return at === undefined ? undefined : `illegal base64 data at input byte ${at}`;
} // prettier-ignore
const goKind = (value: unknown): string =>
  Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
/** Where standard base64 with padding ends to be such. Source: encoding/base64 CorruptInputError. */
function badBase64(text: string): number | undefined {
  const clean = text.replace(/[\r\n]/g, '');
  const bad = clean.search(/[^A-Za-z0-9+/=]/);
  if (bad >= 0) return bad;
  if (/^[^=]*={0,2}$/.test(clean) && clean.length % 4 === 0) return undefined;
  const padding = clean.indexOf('=');
  return padding >= 0 ? padding : clean.length;
}
