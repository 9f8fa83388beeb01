import type { Pod, Secret, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { parseTime } from '../../../schemas/meta/time.ts';
import type { Registry, Resource } from '../../../schemas/resource.ts';
import type { World } from '../../../bus/world.ts';
import type { CacheReader, CredentialNotes, UserInfo } from '../request.ts';
import { signJwt, type TokenKey } from './keys.ts';
import { verifyClaims, type VerifiedClaims } from './service-account-claims.ts';
import { INVALID_SINCE, type TokenUses } from './secret-tokens.ts';
import { serviceAccountName } from './users.ts';

const LEEWAY_MS = 60_000;
const KEPT = 10_000;

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
   * server's own audiences. What there is to say of the token, refused or not, is put into `notes`.
   */
  verify(token: string, requested?: readonly string[], notes?: CredentialNotes): Promise<TokenVerdict | undefined>;
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
  secretKeys = [],
  fresh,
  uses,
}: {
  readonly registry: Registry;
  readonly cache: CacheReader;
  readonly world: World;
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** The first signs. */
  readonly keys: readonly TokenKey[];
  /** Good for tokens that are kept in Secrets, as are the others. */
  readonly secretKeys?: readonly TokenKey[] | undefined;
  /** Resolves when the cache holds all that was committed before the call. */
  readonly fresh?: (() => Promise<void>) | undefined;
  /** Keeps account of them. */
  readonly uses?: TokenUses | undefined;
}): ServiceAccountTokens {
  const core = (resource: string): Resource => registry.lookup({ group: '', version: 'v1', resource })!;
  const [accounts, pods, secrets, nodes] = [core('serviceaccounts'), core('pods'), core('secrets'), core('nodes')];
  const legacyKeys = [...secretKeys, ...keys];
  const verified = new Map<string, VerifiedClaims>();

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
  const check = (token: string): VerifiedClaims | undefined => {
    const known = verified.get(token);
    if (known !== undefined) return known;
    const result = verifyClaims(token, issuer, keys, legacyKeys);
    if (result === undefined) return undefined;
    if (verified.size >= KEPT) verified.delete(verified.keys().next().value!);
    verified.set(token, result);
    return result;
  };
  const bound = async (v: VerifiedClaims): Promise<void> => {
    // What a client says that is to ask for what has no name.
    if (v.account.name === '') throw new Error('resource name may not be empty');
    if (v.namespace === '') throw new Error('the server could not find the requested resource');
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
      if (object.metadata.uid !== ref.uid)
        throw new Error(
          `${what} UID (${object.metadata.uid ?? ''}) does not match service account ${what} ref claim (${ref.uid})`,
        );
    }
  };
  /** Source: kubernetes pkg/serviceaccount/legacy.go Validate. */
  const legacy = async (v: VerifiedClaims, token: string, notes: CredentialNotes | undefined): Promise<void> => {
    const secret = await find<Secret>(secrets, v.namespace, v.legacySecret!);
    if (secret === undefined || secret.metadata.deletionTimestamp !== undefined)
      throw new Error('Token has been invalidated');
    if (Buffer.from(secret.data?.['token'] ?? '', 'base64').toString() !== token)
      throw new Error("Token does not match server's copy");
    const { namespace, account: wanted } = v;
    const account = await find<ServiceAccount>(accounts, namespace, wanted.name, wanted.uid);
    if (account === undefined) throw new Error(`serviceaccounts ${JSON.stringify(wanted.name)} not found`);
    const { uid = '', deletionTimestamp } = account.metadata;
    if (deletionTimestamp !== undefined) throw new Error(`ServiceAccount ${namespace}/${wanted.name} has been deleted`);
    if (uid !== wanted.uid) throw new Error(`ServiceAccount UID (${uid}) does not match claim (${wanted.uid})`);
    const isRefused = !!secret.metadata.labels?.[INVALID_SINCE];
    uses?.kept(secret, account, isRefused, notes);
    if (isRefused)
      throw new Error(`the token in secret ${namespace}/${v.legacySecret} for service account ${namespace}/${wanted.name} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${INVALID_SINCE}' label from the secret to temporarily allow use of this token`); // prettier-ignore
  };
  return {
    issuer,
    audiences,
    keys,
    async verify(token, requested = audiences, notes) {
      const v = check(token);
      if (v === undefined) return undefined;
      if (v.audiences === undefined) uses?.legacy(v.subject, notes);
      const has = v.audiences ?? audiences;
      const common = has.filter((a) => requested.includes(a));
      if (common.length === 0)
        throw new Error(`token audiences ${quoted(has)} is invalid for the target audiences ${quoted(requested)}`);
      const now = world.clock.now();
      if (v.notBeforeMs !== undefined && now < v.notBeforeMs - LEEWAY_MS)
        throw new Error('service account token is not valid yet');
      if (v.expiresMs !== undefined && now > v.expiresMs + LEEWAY_MS)
        throw new Error('service account token has expired');
      if (v.issuedMs !== undefined && now < v.issuedMs - LEEWAY_MS)
        throw new Error('service account token is issued in the future');
      await (v.legacySecret === undefined ? bound(v) : legacy(v, token, notes));
      if (v.warnAfterMs !== undefined) uses?.bound(v.subject, now - v.warnAfterMs, notes);
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
