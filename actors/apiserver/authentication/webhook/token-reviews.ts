import type { World } from '../../../../bus/world.ts';
import { readObject, type Answered } from '../../outbound/answer.ts';
import type { OutboundAnswer } from '../../../runtime/outbound/outbound.ts';
import { createKubeconfigWebhook, type WebhookServer } from '../../outbound/kubeconfig-webhook.ts';
import { cachedTokens } from '../token-cache.ts';
import { refusedToken, UNKNOWN, type TokenAuthenticator, type TokenFound } from '../tokens.ts';
import { authenticated } from '../users.ts';

export interface TokenWebhookOptions {
  readonly server: WebhookServer;
  readonly version: 'v1' | 'v1beta1';
  /** How long its answers, yes or no, are remembered. */
  readonly cacheMs: number;
}
export interface TokenWebhook {
  readonly authenticate: TokenAuthenticator;
  stop(): void;
}
/** Whose tokens nobody here knows, another server is asked. Source: apiserver plugin/pkg/authenticator/token/webhook webhook.go. */
export function createTokenWebhook(
  world: Pick<World, 'clock' | 'random' | 'log'>,
  { server, version, cacheMs }: TokenWebhookOptions,
  implicit: readonly string[],
): TokenWebhook {
  const client = createKubeconfigWebhook({ world, server });
  const apiVersion = `authentication.k8s.io/${version}`;
  const ask: TokenAuthenticator = async (token, audiences) => {
    const review = {
      kind: 'TokenReview',
      apiVersion,
      metadata: {},
      spec: { token, ...(audiences.length > 0 && { audiences }) },
      status: { user: {} },
    };
    try {
      return verdictOf(await readReview(await client.post(review), version), audiences, implicit);
    } catch (error) {
      const why = (error as Error).message;
      world.log.error('Failed to make webhook authenticator request', { err: why });
      return refusedToken(why);
    }
  };
  return {
    authenticate: cachedTokens(world.clock, ask, { successMs: cacheMs, failureMs: cacheMs }),
    stop: () => client.close(),
  };
}
interface ReviewStatus {
  readonly authenticated?: boolean | null;
  readonly user?: {
    readonly username?: string | null;
    readonly uid?: string | null;
    readonly groups?: readonly string[] | null;
    readonly extra?: Readonly<Record<string, readonly string[]>> | null;
  } | null;
  readonly audiences?: readonly string[] | null;
  readonly error?: string | null;
}
/** Throws Error: why the answer is none. */
async function readReview(answer: OutboundAnswer, version: string): Promise<ReviewStatus> {
  const review = await readObject(answer);
  const { kind = '', apiVersion = '' } = review as { kind?: unknown; apiVersion?: unknown };
  const own = `authentication.k8s.io/${version}`;
  if ((kind !== '' && kind !== 'TokenReview') || (apiVersion !== '' && apiVersion !== own))
    throw new Error(`converting (${lastOf(String(apiVersion))}.${String(kind)}) to (${version}.TokenReview): unknown conversion`); // prettier-ignore
  const { status } = review;
  if (status === undefined || status === null) return {};
  if (!isMap(status)) throw wrong(status, 'TokenReview.status', `${version}.TokenReviewStatus`);
  assertFields(status, 'TokenReviewStatus.status', STATUS);
  const { user } = status;
  if (user !== undefined && user !== null) {
    if (!isMap(user)) throw wrong(user, 'TokenReviewStatus.status.user', `${version}.UserInfo`);
    assertFields(user, 'UserInfo.status.user', USER);
    for (const values of Object.values((user['extra'] ?? {}) as Answered))
      if (!isStrings(values)) throw wrong(values, 'UserInfo.status.user.extra', `${version}.ExtraValue`);
  }
  return status;
}
const lastOf = (apiVersion: string): string => apiVersion.slice(apiVersion.lastIndexOf('/') + 1);
const isMap = (value: unknown): value is Answered =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isString = (value: unknown): boolean => typeof value === 'string';
const isStrings = (value: unknown): boolean => Array.isArray(value) && value.every(isString);
type Field = readonly [name: string, holds: (value: unknown) => boolean, type: string];
const STATUS: readonly Field[] = [
  ['authenticated', (value) => typeof value === 'boolean', 'bool'],
  ['audiences', isStrings, '[]string'],
  ['error', isString, 'string'],
];
const USER: readonly Field[] = [
  ['username', isString, 'string'],
  ['uid', isString, 'string'],
  ['groups', isStrings, '[]string'],
  ['extra', isMap, 'map[string]v1.ExtraValue'],
];
/** Go's words for a field of another type. */
function wrong(value: unknown, field: string, type: string): Error {
  const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return new Error(`json: cannot unmarshal ${found} into Go struct field ${field} of type ${type}`);
}
function assertFields(of: Answered, at: string, fields: readonly Field[]): void {
  for (const [name, holds, type] of fields) {
    const value = of[name];
    if (value !== undefined && value !== null && !holds(value)) throw wrong(value, `${at}.${name}`, type);
  }
}
/** What the answer comes to: one that names no audiences is good for those of the API server. */
function verdictOf(status: ReviewStatus, wanted: readonly string[], implicit: readonly string[]): TokenFound {
  const said = status.audiences ?? [];
  const audiences = wanted.filter((audience) => (said.length > 0 ? said : implicit).includes(audience));
  if (wanted.length > 0 && audiences.length === 0) return UNKNOWN;
  if (!status.authenticated) return status.error ? refusedToken(status.error) : UNKNOWN;
  const { username, uid, groups, extra } = status.user ?? {};
  const user = authenticated({
    name: username ?? '',
    groups: groups ?? [],
    ...(uid && { uid }),
    ...(extra && Object.keys(extra).length > 0 && { extra }),
  });
  return { user, audiences };
}
