import { aggregate } from '../../../schemas/meta/aggregate.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { Registry } from '../../../schemas/resource.ts';
import type { World } from '../../../bus/world.ts';
import type { Authenticator, CacheReader, CredentialNotes, Credentials, UserInfo } from '../request.ts';
import { createBootstrapTokens } from './bootstrap-tokens.ts';
import type { AnonymousConfiguration, RemoteTokens } from './options.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';
import { cachedTokens, type TokenCacheCounts } from './token-cache.ts';
import { sharedAudiences } from './tokens.ts';
import { anonymous, authenticated } from './users.ts';

export interface TokenAnswer {
  readonly user: UserInfo | undefined;
  readonly audiences: readonly string[];
  /** Why the token was refused. */
  readonly error: string | undefined;
}
export interface ClusterAuthenticator extends Authenticator {
  /** Never undefined: without credentials the user is system:anonymous. Throws ApiError Unauthorized on bad ones. */
  authenticate(credentials: Credentials): UserInfo | Promise<UserInfo>;
  /** For TokenReview: never throws. */
  review(token: string, audiences: readonly string[], notes?: CredentialNotes): Promise<TokenAnswer>;
}

/** What anyone with bad credentials is told, whatever is wrong with them. */
export const unauthorized = (): ApiError => new ApiError('Unauthorized', 'Unauthorized');

const INVALID = 'invalid bearer token';
/** How long it is remembered whose token it is. Source: kubernetes pkg/kubeapiserver/options NewBuiltInAuthenticationOptions. */
const REMEMBERED = { successMs: 10_000, failureMs: 0 };
const EVERYBODY: AnonymousConfiguration = { enabled: true };

/**
 * Tries certificate, static token, bootstrap token, service account token, then who else knows tokens, in this order.
 * Source: kubernetes pkg/kubeapiserver/authenticator/config.go.
 */
export function createAuthenticator({
  registry,
  cache,
  world,
  serviceAccounts,
  staticTokens = {},
  anonymous: allowed = EVERYBODY,
  remote = [],
  cacheCounts,
}: {
  readonly registry: Registry;
  readonly cache: CacheReader;
  readonly world: World;
  readonly serviceAccounts: ServiceAccountTokens;
  readonly staticTokens?: Readonly<Record<string, { readonly name: string; readonly groups?: readonly string[] }>>;
  /** Who shows nothing; default: is let through as system:anonymous. */
  readonly anonymous?: AnonymousConfiguration | undefined;
  /** Issuers and webhooks, which are asked in this order. */
  readonly remote?: readonly RemoteTokens[] | undefined;
  readonly cacheCounts?: TokenCacheCounts | undefined;
}): ClusterAuthenticator {
  const statics = new Map(
    Object.entries(staticTokens).map(([token, user]) => [
      token,
      authenticated({ name: user.name, groups: user.groups ?? [] }),
    ]),
  );
  const bootstrap = createBootstrapTokens(registry, cache, world);

  const elsewhere = remote.map(({ authenticate }) => cachedTokens(world.clock, authenticate, REMEMBERED, cacheCounts));

  const review = async (token: string, audiences: readonly string[], notes?: CredentialNotes): Promise<TokenAnswer> => {
    const errors: string[] = [];
    const plain = statics.get(token) ?? bootstrap.authenticate(token);
    const own = sharedAudiences(serviceAccounts.audiences, audiences);
    if (plain !== undefined && own.length > 0) return { user: plain, audiences: own, error: undefined };
    try {
      const verdict = await serviceAccounts.verify(token, audiences, notes);
      if (verdict !== undefined) return { ...verdict, error: undefined };
    } catch (error) {
      errors.push(error instanceof Error ? error.message : String(error));
    }
    for (const ask of elsewhere) {
      const found = await ask(token, audiences);
      if (found.user !== undefined) return { ...found, error: undefined };
      if (found.error !== undefined) errors.push(found.error);
    }
    return { user: undefined, audiences: [], error: aggregate([INVALID, ...errors]) };
  };
  const byToken = async (token: string, notes: CredentialNotes | undefined): Promise<UserInfo> => {
    const { user, error } = await review(token, serviceAccounts.audiences, notes);
    if (user !== undefined) return user;
    world.log.debug('request with a refused token', { err: error });
    throw unauthorized();
  };
  return {
    review,
    ...(allowed.paths !== undefined && { looksAtPath: true }),
    authenticate({ certificate, bearerToken, refusedCertificate = false, path = '', notes }) {
      const expired = certificate?.notAfterMs !== undefined && certificate.notAfterMs < world.clock.now();
      if (certificate !== undefined && certificate.commonName !== '' && !expired)
        return authenticated({
          name: certificate.commonName,
          groups: certificate.organizations,
          ...(certificate.sha256 !== undefined && {
            extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${certificate.sha256}`] },
            // Of a user with extra alone: others are one object for all who are equal.
            certifiedSince: certificate.notBeforeMs,
          }),
        });
      if (bearerToken !== undefined && bearerToken !== '')
        return statics.get(bearerToken) ?? byToken(bearerToken, notes);
      // Who shows something bad is not taken for someone who shows nothing.
      if (!allowed.enabled || refusedCertificate || expired) throw unauthorized();
      if (allowed.paths !== undefined && !allowed.paths.has(path)) throw unauthorized();
      return anonymous;
    },
  };
}
