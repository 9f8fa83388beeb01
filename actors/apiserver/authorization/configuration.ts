import { aggregate } from '../../../schemas/meta/aggregate.ts';
import { durationText, parseDuration } from '../../../schemas/meta/duration.ts';
import {
  duplicate,
  fieldPath,
  invalid,
  notSupported,
  required,
  tooMany,
  type FieldError,
  type FieldPath,
} from '../../../schemas/meta/field.ts';
import { dnsSubdomain } from '../../../schemas/meta/names.ts';
import {
  readConfiguration,
  struct,
  type ConfigurationKind,
  type Source,
} from '../../../schemas/codec/configuration.ts';
import type { WebhookServer } from '../outbound/kubeconfig-webhook.ts';
import type { MatchConditions } from './match-conditions.ts';

/** How one webhook is asked. */
export interface WebhookSettings {
  /** How long its yes and its no are good; 0: not beyond the request. */
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
  readonly timeoutMs: number;
  /** Of the SubjectAccessReview. */
  readonly version: 'v1' | 'v1beta1';
  /** What cannot be asked is denied; otherwise the next in the chain is asked. */
  readonly deniesOnError: boolean;
  /** It is asked only of what they all are true of. */
  readonly conditions: MatchConditions | undefined;
}
/** Where it is, in a file; undefined: at the API server of the cluster that this server runs in. */
interface Located extends WebhookSettings {
  readonly kubeconfig: string | undefined;
}
interface Asked extends WebhookSettings {
  readonly server: WebhookServer;
}
export type OwnType = 'AlwaysAllow' | 'AlwaysDeny' | 'Node' | 'RBAC';
interface Own {
  readonly type: OwnType;
  readonly name: string;
}
/** One of the chain, as its file says. */
export type LocatedAuthorizer = Own | { readonly type: 'Webhook'; readonly name: string; readonly webhook: Located };
/** The same, with what is needed to ask it. */
export type AuthorizerConfiguration =
  Own | { readonly type: 'Webhook'; readonly name: string; readonly webhook: Asked };

interface RawWebhook {
  readonly authorizedTTL?: string;
  readonly cacheAuthorizedRequests?: boolean;
  readonly unauthorizedTTL?: string;
  readonly cacheUnauthorizedRequests?: boolean;
  readonly timeout?: string;
  readonly subjectAccessReviewVersion?: string;
  readonly matchConditionSubjectAccessReviewVersion?: string;
  readonly failurePolicy?: string;
  readonly connectionInfo?: { readonly type?: string; readonly kubeConfigFile?: string };
  readonly matchConditions?: readonly { readonly expression?: string }[];
}
interface RawAuthorizer {
  readonly type?: string;
  readonly name?: string;
  readonly webhook?: RawWebhook;
}
const WEBHOOK = struct('WebhookConfiguration', {
  authorizedTTL: 'duration',
  cacheAuthorizedRequests: 'bool',
  unauthorizedTTL: 'duration',
  cacheUnauthorizedRequests: 'bool',
  timeout: 'duration',
  subjectAccessReviewVersion: 'string',
  matchConditionSubjectAccessReviewVersion: 'string',
  failurePolicy: 'string',
  connectionInfo: struct('WebhookConnectionInfo', { type: 'string', kubeConfigFile: 'string' }),
  matchConditions: { list: struct('WebhookMatchCondition', { expression: 'string' }) },
});
const CONFIGURATION: ConfigurationKind = {
  shape: struct('AuthorizationConfiguration', {
    apiVersion: 'string',
    kind: 'string',
    authorizers: { list: struct('AuthorizerConfiguration', { type: 'string', name: 'string', webhook: WEBHOOK }) },
  }),
  names: ['v1', 'v1beta1', 'v1alpha1'].map((v) => `apiserver.config.k8s.io/${v}/AuthorizationConfiguration`),
};
/** In the order in which messages list them. */
const TYPES = ['ABAC', 'AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'];
const MAX_CONDITIONS = 64;
const SECOND = 1_000_000_000n;
const MILLISECOND = 1_000_000n;
/** Source: apiserver pkg/apis/apiserver/v1/defaults.go. */
const AUTHORIZED_TTL = '5m0s';
const UNAUTHORIZED_TTL = '30s';

/** What stands behind a path: undefined: a regular file; otherwise why not. Files are looked at in ops/. */
export type LookAt = (path: string) => { readonly error: string } | 'irregular' | undefined;

/**
 * An AuthorizationConfiguration from a decoded file. `needed` are the types that may not go, because the server started
 * with them. Thrown: Error in the words of kube-apiserver. Source: apiserver pkg/apis/apiserver/validation
 * ValidateAuthorizationConfiguration, kubernetes pkg/kubeapiserver/authorizer LoadAndValidateData.
 */
export async function readAuthorizationConfiguration(
  source: Source,
  lookAt: LookAt,
  needed: readonly string[] = [],
): Promise<readonly LocatedAuthorizer[]> {
  let raw: { readonly authorizers?: readonly RawAuthorizer[] } = {};
  try {
    if (source.text !== '') raw = readConfiguration(source, CONFIGURATION);
  } catch (error) {
    throw new Error(`failed to load AuthorizationConfiguration from file: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const { authorizers = [] } = raw;
  const compiled = new Map<RawWebhook, MatchConditions>();
  const errors: FieldError[] = [];
  const root = fieldPath('authorizers');
  if (authorizers.length === 0) errors.push(required(root, 'at least one authorization mode must be defined'));
  const [types, names] = [new Set<string>(), new Set<string>()];
  for (const [i, { type = '', name = '', webhook }] of authorizers.entries()) {
    const at = root(i);
    if (type === '') errors.push(required(at('type')));
    else if (!TYPES.includes(type)) errors.push(notSupported(at('type'), type, TYPES));
    else if (types.has(type) && type !== 'Webhook') errors.push(duplicate(at('type'), type));
    else {
      types.add(type);
      errors.push(...nameErrors(name, names, at('name')));
      names.add(name);
      if (type !== 'Webhook') {
        if (webhook !== undefined)
          errors.push(invalid(at('webhook'), 'non-null', 'may only be specified when type=Webhook'));
      } else if (webhook === undefined) errors.push(required(at('webhook'), 'required when type=Webhook'));
      else {
        errors.push(...webhookErrors(webhook, at, lookAt));
        const { conditions, errors: found } = await compileAll(webhook, at('matchConditions'));
        errors.push(...found);
        if (conditions !== undefined) compiled.set(webhook, conditions);
      }
    }
  }
  if (errors.length > 0) throw new Error(aggregate(errors.map((e) => `${e.field}: ${e.message}`)));
  const strange = authorizers.flatMap(({ type = '', name = '' }) =>
    type === 'Webhook' || name === type.toLowerCase()
      ? []
      : [`expected name ${type.toLowerCase()} for authorizer ${type} instead of ${name}`],
  );
  const missing = needed.filter((type) => !types.has(type)).toSorted();
  if (missing.length > 0) strange.push(`missing required types: [${missing.join(' ')}]`);
  if (strange.length > 0) throw new Error(aggregate(strange));
  if (types.has('ABAC')) throw new Error('authorizer type ABAC is not built in Kubus: grant by RBAC instead');
  return authorizers.map(({ type, name = '', webhook }) =>
    webhook === undefined
      ? { type: type as OwnType, name }
      : { type: 'Webhook', name, webhook: settingsOf(webhook, compiled.get(webhook)) },
  );
}
function settingsOf(webhook: RawWebhook, conditions: MatchConditions | undefined): Located {
  const { cacheAuthorizedRequests = true, cacheUnauthorizedRequests = true, connectionInfo } = webhook;
  const ms = (text: string): number => Number(nanos(text) / MILLISECOND);
  return {
    authorizedTtlMs: cacheAuthorizedRequests ? ms(ttl(webhook.authorizedTTL, AUTHORIZED_TTL)) : 0,
    unauthorizedTtlMs: cacheUnauthorizedRequests ? ms(ttl(webhook.unauthorizedTTL, UNAUTHORIZED_TTL)) : 0,
    timeoutMs: ms(webhook.timeout!),
    version: webhook.subjectAccessReviewVersion as 'v1' | 'v1beta1',
    deniesOnError: webhook.failurePolicy === 'Deny',
    conditions,
    kubeconfig: connectionInfo?.kubeConfigFile,
  };
}
const nanos = (text: string): bigint => parseDuration(text) as bigint;
const ttl = (text: string | undefined, other: string): string =>
  text === undefined || nanos(text) === 0n ? other : text;

function* nameErrors(name: string, seen: ReadonlySet<string>, at: FieldPath): Generator<FieldError> {
  if (name === '') return yield required(at);
  if (seen.has(name)) return yield duplicate(at, name);
  const why = dnsSubdomain(name);
  if (why.length > 0) yield invalid(at, name, `authorizer name is invalid: ${why.join(', ')}`);
}
function* webhookErrors(webhook: RawWebhook, at: FieldPath, lookAt: LookAt): Generator<FieldError> {
  const timeout = nanos(webhook.timeout ?? '0');
  if (timeout === 0n) yield required(at('timeout'));
  else if (timeout > 30n * SECOND || timeout < 0n)
    yield invalid(at('timeout'), durationText(timeout), 'must be > 0s and <= 30s');
  for (const field of ['authorizedTTL', 'unauthorizedTTL'] as const) {
    const value = nanos(webhook[field] ?? '0');
    if (value < 0n) yield invalid(at(field), durationText(value), 'must be > 0s');
  }
  const version = webhook.subjectAccessReviewVersion ?? '';
  if (version === '') yield required(at('subjectAccessReviewVersion'));
  else if (version !== 'v1' && version !== 'v1beta1')
    yield notSupported(at('subjectAccessReviewVersion'), version, ['v1', 'v1beta1']);
  const asked = webhook.matchConditionSubjectAccessReviewVersion ?? '';
  const place = at('matchConditionSubjectAccessReviewVersion');
  if (asked !== '' && asked !== 'v1') yield notSupported(place, asked, ['v1']);
  else if (asked === '' && (webhook.matchConditions ?? []).length > 0)
    yield required(place, 'required if match conditions are specified');
  const policy = webhook.failurePolicy ?? '';
  if (policy === '') yield required(at('failurePolicy'));
  else if (policy !== 'NoOpinion' && policy !== 'Deny')
    yield notSupported(at('failurePolicy'), policy, ['NoOpinion', 'Deny']);
  yield* connectionErrors(webhook.connectionInfo ?? {}, at('connectionInfo'), lookAt);
}
function* connectionErrors(
  { type = '', kubeConfigFile }: NonNullable<RawWebhook['connectionInfo']>,
  at: FieldPath,
  lookAt: LookAt,
): Generator<FieldError> {
  const file = at('kubeConfigFile');
  if (type === '') yield required(at('type'));
  else if (type === 'InClusterConfig') {
    if (kubeConfigFile !== undefined) yield invalid(file, kubeConfigFile, 'can only be set when type=KubeConfigFile');
  } else if (type !== 'KubeConfigFile')
    yield notSupported(at('type'), { Type: type, KubeConfigFile: kubeConfigFile ?? null }, ['InClusterConfig', 'KubeConfigFile']); // prettier-ignore
  else if (!kubeConfigFile) yield required(file);
  else if (!kubeConfigFile.startsWith('/')) yield invalid(file, kubeConfigFile, 'must be an absolute path');
  else {
    const found = lookAt(kubeConfigFile);
    if (found === 'irregular') yield invalid(file, kubeConfigFile, 'must be a regular file');
    else if (found !== undefined) yield invalid(file, kubeConfigFile, `error loading file: ${found.error}`);
  }
}
async function compileAll(
  { matchConditions = [] }: RawWebhook,
  at: FieldPath,
): Promise<{ readonly conditions?: MatchConditions; readonly errors: readonly FieldError[] }> {
  if (matchConditions.length === 0) return { errors: [] };
  if (matchConditions.length > MAX_CONDITIONS) return { errors: [tooMany(at, matchConditions.length, MAX_CONDITIONS)] };
  const { compileCondition, matchConditionsOf } = await import('./match-conditions.ts');
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  const compiled = [];
  for (const [i, { expression = '' }] of matchConditions.entries()) {
    const here = at(i)('expression');
    if (expression.trim() === '') errors.push(required(here));
    else if (seen.has(expression)) errors.push(duplicate(here, expression));
    else {
      seen.add(expression);
      const made = compileCondition(expression, here);
      if ('reason' in made) errors.push(made);
      else compiled.push(made);
    }
  }
  return { conditions: matchConditionsOf(compiled), errors };
}
