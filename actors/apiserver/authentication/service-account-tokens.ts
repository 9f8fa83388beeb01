import type { Pod, Secret, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { parseTime } from '../../../schemas/meta/time.ts';
import type { Registry, Resource } from '../../../schemas/resource.ts';
import type { World } from '../../../bus/world.ts';
import type { CacheReader, UserInfo } from '../request.ts';
import { decodeJwt, signJwt, verifyJwt, type TokenKey } from './keys.ts';
import { authenticated, serviceAccountGroups, serviceAccountName } from './users.ts';

const LEEWAY_MS = 60_000;
const LEGACY_ISSUER = 'kubernetes/serviceaccount';
const KEPT = 10_000;

interface Ref {
  readonly name: string;
  readonly uid: string;
}
/** What a token says, once its signature was found good. */
interface Verified {
  readonly audiences: readonly string[] | undefined;
  readonly expiresMs: number | undefined;
  readonly notBeforeMs: number | undefined;
  readonly namespace: string;
  readonly account: Ref;
  readonly pod: Ref | undefined;
  readonly secret: Ref | undefined;
  readonly node: Ref | undefined;
  readonly legacySecret: string | undefined;
  readonly user: UserInfo;
}
export interface TokenVerdict {
  readonly user: UserInfo;
  readonly audiences: readonly string[];
}
export interface ServiceAccountTokens {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly keys: readonly TokenKey[];
  /**
   * undefined: not a service account's token. Throws Error with the reason for a refused one. `requested` defaults to the
   * server's own audiences.
   */
  verify(token: string, requested?: readonly string[]): Promise<TokenVerdict | undefined>;
  issue(claims: {
    /** Of the token; default a new one. */
    readonly id?: string | undefined;
    readonly account: ServiceAccount;
    readonly pod?: Pod | undefined;
    readonly secret?: Secret | undefined;
    readonly node?: { readonly metadata: { name?: string | undefined; uid?: string | undefined } } | undefined;
    readonly audiences: readonly string[];
    readonly expirationSeconds: number;
    readonly warnAfterSeconds?: number | undefined;
  }): string;
}

/**
 * Signs and checks the tokens of service accounts. A signature is checked once per token, the objects that the token is
 * bound to at each use: a deleted pod's token stops working at once.
 * Source: kubernetes pkg/serviceaccount (claims.go, jwt.go, legacy.go).
 */
export function createServiceAccountTokens({
  registry,
  cache,
  world,
  issuer,
  audiences,
  keys,
  fresh,
}: {
  readonly registry: Registry;
  readonly cache: CacheReader;
  readonly world: World;
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** The first signs. */
  readonly keys: readonly TokenKey[];
  /** Resolves when the cache holds all that was committed before the call. */
  readonly fresh?: (() => Promise<void>) | undefined;
}): ServiceAccountTokens {
  const core = (resource: string): Resource => registry.lookup({ group: '', version: 'v1', resource })!;
  const [accounts, pods, secrets, nodes] = [core('serviceaccounts'), core('pods'), core('secrets'), core('nodes')];
  const verified = new Map<string, Verified>();

  const find = async <T extends KubeObject>(resource: Resource, namespace: string, name: string, uid?: string) => {
    const found = cache.get<T>(resource, namespace, name);
    if (found !== undefined && (uid === undefined || found.metadata.uid === uid)) return found;
    await fresh?.();
    return cache.get<T>(resource, namespace, name);
  };
  const gone = (object: KubeObject): boolean => {
    const at = object.metadata.deletionTimestamp;
    return at !== undefined && (parseTime(at) ?? 0) < world.clock.now() - LEEWAY_MS;
  };
  const check = (token: string): Verified | undefined => {
    const known = verified.get(token);
    if (known !== undefined) return known;
    const jwt = decodeJwt(token);
    const said = jwt?.claims['iss'];
    if (jwt === undefined || (said !== issuer && said !== LEGACY_ISSUER)) return undefined;
    const named = keys.filter((key) => key.kid === jwt.header.kid);
    const candidates = jwt.header.kid ? named : keys;
    if (candidates.length === 0) throw new Error('invalid signature, no keys found');
    if (!candidates.some((key) => key.algorithm === jwt.header.alg && verifyJwt(key, token)))
      throw new Error('invalid signature');
    const result = said === LEGACY_ISSUER ? readLegacy(jwt.claims) : readBound(jwt.claims);
    if (verified.size >= KEPT) verified.delete(verified.keys().next().value!);
    verified.set(token, result);
    return result;
  };
  const bound = async (v: Verified): Promise<void> => {
    const account = await find<ServiceAccount>(accounts, v.namespace, v.account.name, v.account.uid);
    if (account === undefined) throw new Error(`serviceaccounts ${JSON.stringify(v.account.name)} not found`);
    if (account.metadata.uid !== v.account.uid)
      throw new Error(`service account UID (${account.metadata.uid ?? ''}) does not match claim (${v.account.uid})`);
    if (gone(account)) throw new Error(`service account ${v.namespace}/${v.account.name} has been deleted`);
    const checks = [
      ['secret', secrets, v.secret, v.namespace],
      ['pod', pods, v.pod, v.namespace],
      ['node', nodes, v.pod === undefined ? v.node : undefined, ''],
    ] as const;
    for (const [what, resource, ref, namespace] of checks) {
      if (ref === undefined) continue;
      const object = await find(resource, namespace, ref.name, ref.uid);
      if (object === undefined || gone(object)) throw new Error('service account token has been invalidated');
      if (object.metadata.uid !== ref.uid) {
        const title = what === 'secret' ? what : what[0]!.toUpperCase() + what.slice(1);
        throw new Error(
          `${title} UID (${object.metadata.uid ?? ''}) does not match service account ${what} ref claim (${ref.uid})`,
        );
      }
    }
  };
  const legacy = async (v: Verified, token: string): Promise<void> => {
    const secret = await find<Secret>(secrets, v.namespace, v.legacySecret!);
    if (secret === undefined || gone(secret)) throw new Error('service account token has been invalidated');
    if (Buffer.from(secret.data?.['token'] ?? '', 'base64').toString() !== token)
      throw new Error('service account token does not match server\'s copy'); // prettier-ignore
  };
  return {
    issuer,
    audiences,
    keys,
    async verify(token, requested = audiences) {
      const v = check(token);
      if (v === undefined) return undefined;
      const has = v.audiences ?? audiences;
      const common = has.filter((a) => requested.includes(a));
      if (common.length === 0)
        throw new Error(`token audiences ${quoted(has)} is invalid for the target audiences ${quoted(requested)}`);
      const now = world.clock.now();
      if (v.expiresMs !== undefined && now > v.expiresMs + LEEWAY_MS)
        throw new Error('service account token has expired');
      if (v.notBeforeMs !== undefined && now < v.notBeforeMs - LEEWAY_MS)
        throw new Error('service account token is not valid yet');
      await bound(v);
      if (v.legacySecret !== undefined) await legacy(v, token);
      return { user: v.user, audiences: common };
    },
    issue({ id, account, pod, secret, node, audiences: wanted, expirationSeconds, warnAfterSeconds }) {
      const key = keys.find((k) => k.privateKey !== undefined);
      if (key === undefined) throw new Error('failed to generate token: no signing key');
      const now = Math.floor(world.clock.now() / 1000);
      const ref = (o: { readonly metadata: { name?: string | undefined; uid?: string | undefined } }) => ({
        name: o.metadata.name,
        uid: o.metadata.uid,
      });
      return signJwt(key, {
        aud: wanted,
        exp: now + expirationSeconds,
        iat: now,
        iss: issuer,
        jti: id ?? world.ids.uuid(),
        'kubernetes.io': {
          namespace: account.metadata.namespace,
          ...(node !== undefined && { node: ref(node) }),
          ...(pod !== undefined && { pod: ref(pod) }),
          ...(secret !== undefined && { secret: ref(secret) }),
          serviceaccount: ref(account),
          ...(warnAfterSeconds !== undefined && { warnafter: now + warnAfterSeconds }),
        },
        nbf: now,
        sub: serviceAccountName(account.metadata.namespace ?? '', account.metadata.name ?? ''),
      });
    },
  };
}

const quoted = (values: readonly string[]): string => `[${values.map((v) => JSON.stringify(v)).join(' ')}]`;
const seconds = (value: unknown): number | undefined => (typeof value === 'number' ? value * 1000 : undefined);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const refOf = (value: unknown): Ref | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  const { name, uid } = value as Record<string, unknown>;
  return { name: text(name), uid: text(uid) };
};

function readBound(claims: Record<string, unknown>): Verified {
  const own = (claims['kubernetes.io'] ?? {}) as Record<string, unknown>;
  const account = refOf(own['serviceaccount']) ?? { name: '', uid: '' };
  const [pod, secret, node] = [refOf(own['pod']), refOf(own['secret']), refOf(own['node'])];
  const namespace = text(own['namespace']);
  const aud = claims['aud'];
  const extra: Record<string, string[]> = {};
  if (claims['jti']) extra['authentication.kubernetes.io/credential-id'] = [`JTI=${text(claims['jti'])}`];
  if (node !== undefined) {
    extra['authentication.kubernetes.io/node-name'] = [node.name];
    if (node.uid !== '') extra['authentication.kubernetes.io/node-uid'] = [node.uid];
  }
  if (pod !== undefined) {
    extra['authentication.kubernetes.io/pod-name'] = [pod.name];
    extra['authentication.kubernetes.io/pod-uid'] = [pod.uid];
  }
  return {
    audiences: typeof aud === 'string' ? [aud] : Array.isArray(aud) && aud.length > 0 ? aud.map(text) : undefined,
    expiresMs: seconds(claims['exp']),
    notBeforeMs: seconds(claims['nbf']),
    namespace,
    account,
    pod,
    secret,
    node,
    legacySecret: undefined,
    user: userOf(namespace, account, extra),
  };
}

function readLegacy(claims: Record<string, unknown>): Verified {
  const at = (key: string): string => text(claims[`kubernetes.io/serviceaccount/${key}`]);
  const namespace = at('namespace');
  const account = { name: at('service-account.name'), uid: at('service-account.uid') };
  if (namespace === '' || account.name === '' || account.uid === '' || at('secret.name') === '')
    throw new Error('invalid bearer token');
  return {
    audiences: undefined,
    expiresMs: undefined,
    notBeforeMs: undefined,
    namespace,
    account,
    pod: undefined,
    secret: undefined,
    node: undefined,
    legacySecret: at('secret.name'),
    user: userOf(namespace, account, {}),
  };
}
const userOf = (namespace: string, account: Ref, extra: Record<string, string[]>): UserInfo =>
  authenticated({
    name: serviceAccountName(namespace, account.name),
    uid: account.uid,
    groups: serviceAccountGroups(namespace),
    ...(Object.keys(extra).length > 0 && { extra }),
  });
