import type { World } from '../../../bus/world.ts';
import type { Convert } from '../../../schemas/apiextensions/custom-versions.ts';
import type { CustomResourceDefinition } from '../../../schemas/generated/apiextensions-v1.ts';
import { JsonSyntaxError, parseJson } from '../../../schemas/codec/json.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { validateAnnotations } from '../../../schemas/meta/metadata.ts';
import { fieldPath } from '../../../schemas/meta/field.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { parseApiVersion, type KubeObject } from '../../../schemas/meta/object.ts';
import { validateLabels } from '../../../schemas/meta/selectors.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { notAnObject } from '../stages/decode.ts';
import type { Outbound, OutboundAnswer } from '../outbound/outbound.ts';

/** Source: apiserver pkg/util/webhook authentication.go. */
const TIMEOUT_MS = 30_000;
const DEFAULT_PORT = 443;
const REVIEWS = ['v1', 'v1beta1'];
const MAX_TEXT_BYTES = 2048;
const GROUP = 'apiextensions.k8s.io';

export interface WebhookGround {
  readonly world: Pick<World, 'clock' | 'ids'>;
  readonly call: Outbound;
  readonly resolve: (namespace: string, name: string, port: number) => { readonly host: string; readonly port: number };
}
/**
 * Asks the webhook of a definition to convert objects. Throws an error without a reason, code 500, in the real server's
 * words. Source: apiextensions-apiserver pkg/apiserver/conversion/webhook_converter.go.
 */
export function conversionWebhook(crd: CustomResourceDefinition, ground: WebhookGround): Convert {
  const { webhook } = crd.spec.conversion ?? {};
  const { url, service, caBundle = '' } = webhook?.clientConfig ?? {};
  const version = webhook?.conversionReviewVersions?.find((v) => REVIEWS.includes(v)) ?? 'v1';
  const port = service?.port ?? DEFAULT_PORT;
  return async (objects, apiVersion) => {
    const target = service === undefined ? withTimeout(url ?? '') : withTimeout(`https://${service.name}.${service.namespace}.svc:${port}${rooted(service.path ?? '')}`);
    const ca = Buffer.from(caBundle, 'base64').toString();
    const first = objects[0]!;
    const kind = `${parseApiVersion(first.apiVersion).group}/${parseApiVersion(first.apiVersion).version}, Kind=${first.kind}`;
    const fail = (why: string): ApiError => new ApiError('', `conversion webhook for ${kind} ${why}`, { code: 500 });
    const uid = ground.world.ids.uuid();
    const abort = new AbortController();
    const timer = ground.world.clock.setTimeout(() => abort.abort(new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')), TIMEOUT_MS);
    let review: Review;
    try {
      const answer = await ground.call({
        method: 'POST', url: target, signal: abort.signal,
        route: service && (() => ground.resolve(service.namespace ?? '', service.name ?? '', port)),
        ...(ca.trim() !== '' && { ca }),
        headers: { 'content-type': 'application/json', accept: 'application/json, */*' },
        body: Buffer.from(JSON.stringify({ kind: 'ConversionReview', apiVersion: `${GROUP}/${version}`, request: { uid, desiredAPIVersion: apiVersion, objects } })),
      });
      review = read(answer);
    } catch (error) {
      throw fail(`failed: ${(error as Error).message}`);
    } finally {
      ground.world.clock.clearTimeout(timer);
    }
    const converted = accepted(review, uid, version, (why) => fail(`failed: ${why}`));
    if (converted.length !== objects.length) throw fail(`returned ${converted.length} objects, expected ${objects.length}`);
    return converted.map((made, i) => checked(objects[i]!, made, apiVersion, objects.length > 1 ? i : undefined, fail));
  };
} // prettier-ignore
const rooted = (path: string): string => (path === '' || path.startsWith('/') ? path || '/' : `/${path}`);
function withTimeout(text: string): string {
  const url = new URL(text);
  // The client's own, as a hint for the other side.
  return `${url.origin}${url.pathname}?timeout=${TIMEOUT_MS / 1000}s`;
}

interface Review {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly response?: {
    readonly uid?: string;
    readonly convertedObjects?: readonly unknown[];
    readonly result?: { readonly status?: string; readonly message?: string };
  } | null;
} // prettier-ignore
/** Throws Error with client-go's text. */
function read({ status, headers, body }: OutboundAnswer): Review {
  const isGood = status >= 200 && status <= 206;
  let value: unknown;
  try {
    if (body.length > 0) ({ value } = parseJson(body));
  } catch (error) {
    if (isGood && error instanceof JsonSyntaxError)
      throw new Error(`couldn't get version/kind; json parse error: ${error.message}`, { cause: error });
  }
  const told = isMap(value) ? (value as { kind?: string; message?: string }) : {};
  if (!isGood) throw new Error(told.kind === 'Status' && told.message ? told.message : serverSays(status, textOf(headers, body)));
  const type = headers['content-type'] || 'application/json';
  if (body.length === 0) throw new Error(`0-length response with status code: ${status} and content type: ${type}`);
  if (!isMap(value)) throw new Error(notAnObject(value));
  return value;
} // prettier-ignore
function textOf(headers: OutboundAnswer['headers'], body: Uint8Array): string {
  const type = headers['content-type'] ?? '';
  return type === '' || type.startsWith('text/') ? Buffer.from(body.subarray(0, MAX_TEXT_BYTES)).toString().trim() : 'unknown';
} // prettier-ignore
/** Source: apimachinery pkg/api/errors NewGenericServerResponse. */
function serverSays(status: number, text: string): string {
  const words: Readonly<Record<number, string>> = {
    400: 'the server rejected our request for an unknown reason',
    401: 'the server has asked for the client to provide credentials',
    403: text,
    404: 'the server could not find the requested resource',
    405: 'the server does not allow this method on the requested resource',
    409: 'the server reported a conflict',
    415: text,
    422: 'the server rejected our request due to an error in our request',
    429: 'the server has received too many requests and has asked us to try again later',
    503: 'the server is currently unable to handle the request',
    504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
  };
  if (Object.hasOwn(words, status)) return words[status]!;
  if (status >= 500) return `an error on the server (${goQuote(text)}) has prevented the request from succeeding`;
  return `the server responded with the status code ${status} but did not return more information`;
} // prettier-ignore

function accepted({ apiVersion, kind, response }: Review, uid: string, version: string, fail: (why: string) => ApiError): readonly unknown[] {
  const is = parseApiVersion(apiVersion ?? '');
  if (version === 'v1' && (is.group !== GROUP || is.version !== 'v1' || kind !== 'ConversionReview'))
    throw fail(`expected webhook response of ${GROUP}/v1, Kind=ConversionReview, got ${is.group}/${is.version}, Kind=${kind ?? ''}`);
  if (response === undefined || response === null) throw fail('no response provided');
  // The older form did not ask for it.
  if (version === 'v1' && response.uid !== uid) throw fail(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  const { status = '', message } = response.result ?? {};
  if (status !== 'Success') throw fail(message || `response.result.status was '${status}', not 'Success'`);
  return response.convertedObjects ?? [];
} // prettier-ignore

type Fail = (why: string) => ApiError;
/** `index`: of several. */
function checked(sent: KubeObject, made: unknown, apiVersion: string, index: number | undefined, fail: Fail): KubeObject {
  const what = index === undefined ? '' : `converted `;
  const at = ` at index ${index ?? 0}`;
  const invalid = (why: string): ApiError => fail(`returned invalid ${what}object${index === undefined ? '' : at}: ${why}`);
  const got = made as KubeObject;
  if (typeof made !== 'object' || made === null || !got.kind) throw fail(`returned invalid ${what}object${at}: Object 'Kind' is missing in '${JSON.stringify(made)}'`);
  if (got.apiVersion !== apiVersion) throw fail(`returned invalid ${what}object${at}: invalid groupVersion (expected ${apiVersion}, received ${got.apiVersion ?? ''})`);
  if (got.kind !== sent.kind) throw fail(`returned invalid ${what}object${at}: invalid kind (expected ${sent.kind}, received ${got.kind})`);
  for (const [name, key] of [['name', 'name'], ['namespace', 'namespace'], ['UID', 'uid']] as const) {
    const [before = '', after = ''] = [sent.metadata[key], got.metadata?.[key]];
    if (before !== after) throw invalid(`must have the same ${name}: ${before} != ${after}`);
  }
  const wrong = (why: string): ApiError => fail(`returned invalid metadata${index === undefined ? '' : ` in object${at}`}: ${why}`);
  return { ...got, metadata: restored(sent.metadata, got.metadata, wrong) };
} // prettier-ignore
/** Only labels and annotations are the webhook's. */
function restored(original: KubeObject['metadata'], given: unknown, wrong: Fail): KubeObject['metadata'] {
  if (given === undefined) throw wrong('missing metadata in converted object');
  if (!isMap(given)) throw wrong(`invalid metadata of type ${goType(given)} in converted object`);
  const metadata = structuredClone(original);
  for (const field of ['labels', 'annotations'] as const) {
    const value = given[field];
    delete metadata[field];
    if (value === undefined || value === null) continue;
    if (!isMap(value)) throw wrong(`invalid metadata.${field} of type ${goType(value)} in converted object`);
    for (const [key, text] of Object.entries(value))
      if (typeof text !== 'string') throw wrong(`metadata.${field}[${key}] must be a string, but is ${goType(text)} in converted object`);
    const map = value as Record<string, string>;
    const problems = equal(map, original[field] ?? {}) ? [] : field === 'labels' ? [...validateLabels(map, fieldPath('metadata')('labels'))] : [...validateAnnotations(map, fieldPath('metadata')('annotation'))];
    if (problems.length > 0) {
      const told = problems.map((p) => `${p.field}: ${p.message}`);
      throw wrong(told.length === 1 ? told[0]! : `[${told.join(', ')}]`);
    }
    metadata[field] = map;
  }
  return metadata;
} // prettier-ignore
const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const goType = (value: unknown): string => {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'object' ? 'map[string]interface {}' : typeof value === 'boolean' ? 'bool' : typeof value;
};
