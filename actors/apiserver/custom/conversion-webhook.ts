import { byName } from '../../../schemas/structural/order.ts';
import { goJsonType, readObject, unregistered } from '../outbound/answer.ts';
import type { World } from '../../../bus/world.ts';
import type { Convert } from '../../../schemas/apiextensions/custom-versions.ts';
import type { CustomResourceDefinition } from '../../../schemas/generated/apiextensions-v1.ts';
import { aggregate } from '../../../schemas/meta/aggregate.ts';
import { validateAnnotations } from '../../../schemas/meta/metadata.ts';
import { fieldPath } from '../../../schemas/meta/field.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { parseApiVersion, type KubeObject } from '../../../schemas/meta/object.ts';
import { validateLabels } from '../../../schemas/meta/selectors.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { Outbound, OutboundAnswer } from '../../runtime/outbound/outbound.ts';
import { portOf, webhookUrl } from '../outbound/webhook-url.ts';

/** Source: apiserver pkg/util/webhook authentication.go. */
const TIMEOUT_MS = 30_000;
const REVIEWS = ['v1', 'v1beta1'];
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
  const { clientConfig = {} } = webhook ?? {};
  const { service, caBundle = '' } = clientConfig;
  const version = webhook?.conversionReviewVersions?.find((v) => REVIEWS.includes(v)) ?? 'v1';
  return async (objects, apiVersion) => {
    const target = webhookUrl(clientConfig, TIMEOUT_MS / 1000);
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
        route: service && (() => ground.resolve(service.namespace ?? '', service.name ?? '', portOf(service))),
        ...(ca.trim() !== '' && { ca }),
        headers: { 'content-type': 'application/json', accept: 'application/json, */*', 'user-agent': 'kube-apiserver-admission' },
        body: Buffer.from(JSON.stringify({ kind: 'ConversionReview', apiVersion: `${GROUP}/${version}`, request: { uid, desiredAPIVersion: apiVersion, objects: objects.map(sentForm) } })),
      });
      review = await read(answer);
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
/** As the store has it: its version is known only to whoever asks the store. */
function sentForm({ metadata, ...rest }: KubeObject): object {
  const { resourceVersion: _, ...sent } = metadata;
  return byName({ ...rest, metadata: sent });
}

interface Review {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly response?: {
    readonly uid?: string;
    readonly convertedObjects?: readonly unknown[];
    readonly result?: { readonly status?: string; readonly message?: string } | null;
  } | null;
} // prettier-ignore
/** Throws Error with client-go's text. */
async function read(answer: OutboundAnswer): Promise<Review> {
  const review = (await readObject(answer)) as Review;
  const { kind = '', apiVersion = '' } = review;
  const isReview = kind === 'ConversionReview' && REVIEWS.some((v) => apiVersion === `${GROUP}/${v}`);
  if (kind !== '' && apiVersion !== '' && !isReview) throw new Error(unregistered(kind, apiVersion));
  for (const [path, type, goType] of SHAPE) expectType(review, path, type, goType);
  return review;
}
const SHAPE = [
  [['response'], 'object', 'v1.ConversionResponse'],
  [['response', 'uid'], 'string', 'types.UID'],
  [['response', 'convertedObjects'], 'array', '[]runtime.RawExtension'],
  [['response', 'result'], 'object', 'v1.Status'],
  [['response', 'result', 'status'], 'string', 'string'],
  [['response', 'result', 'message'], 'string', 'string'],
] as const;
/** The name of the struct that has the last field of a path of so many. */
const STRUCTS = ['', 'ConversionReview', 'ConversionResponse', 'Status'];
function expectType(review: object, path: readonly string[], type: string, goType: string): void {
  let value: unknown = review;
  for (const name of path) {
    if (!isMap(value)) return;
    value = Object.hasOwn(value, name) ? value[name] : undefined;
  }
  if (value === undefined || value === null || goJsonType(value) === type) return;
  throw new Error(`json: cannot unmarshal ${goJsonType(value)} into Go struct field ${STRUCTS[path.length]}.${path.join('.')} of type ${goType}`);
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
  const unreadable = problemOf(made);
  if (unreadable !== undefined) throw index === undefined ? new ApiError('', unreadable, { code: 500 }) : invalid(unreadable);
  const got = made as KubeObject;
  if (got.apiVersion !== apiVersion) throw fail(`returned invalid ${what}object${at}: invalid groupVersion (expected ${apiVersion}, received ${textIn(got, 'apiVersion')})`);
  if (got.kind !== sent.kind) throw fail(`returned invalid ${what}object${at}: invalid kind (expected ${sent.kind}, received ${got.kind})`);
  for (const [name, key] of [['name', 'name'], ['namespace', 'namespace'], ['UID', 'uid']] as const) {
    const [before = '', after] = [sent.metadata[key], textIn(got.metadata, key)];
    if (before !== after) throw invalid(`must have the same ${name}: ${before} != ${after}`);
  }
  const wrong = (why: string): ApiError => fail(`returned invalid metadata${index === undefined ? '' : ` in object${at}`}: ${why}`);
  return { ...got, metadata: restored(sent.metadata, got.metadata, wrong) };
} // prettier-ignore
/** Source: apimachinery unstructured UnmarshalJSON. */
function problemOf(made: unknown): string | undefined {
  if (made === null) return 'unexpected end of JSON input';
  if (!isMap(made)) return `json: cannot unmarshal ${Array.isArray(made) ? 'array' : typeof made === 'boolean' ? 'bool' : typeof made} into Go value of type map[string]interface {}`;
  return textIn(made, 'kind') !== '' ? undefined : `Object 'Kind' is missing in '${JSON.stringify(made)}'`;
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
    if (problems.length > 0) throw wrong(aggregate(problems.map((p) => `${p.field}: ${p.message}`)));
    metadata[field] = map;
  }
  return metadata;
} // prettier-ignore
/** A field that holds a text; empty otherwise, as Go reads it. */
const textIn = (object: unknown, field: string): string =>
  isMap(object) && typeof object[field] === 'string' ? object[field] : '';
const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const goType = (value: unknown): string => {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'object' ? 'map[string]interface {}' : typeof value === 'boolean' ? 'bool' : typeof value;
};
