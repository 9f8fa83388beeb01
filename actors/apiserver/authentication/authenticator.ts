import { ApiError } from '../../../schemas/meta/status.ts';
import type { Registry } from '../../../schemas/resource.ts';
import type { World } from '../../../bus/world.ts';
import type { Authenticator, CacheReader, Credentials, UserInfo } from '../request.ts';
import { createBootstrapTokens } from './bootstrap-tokens.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';
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
  review(token: string, audiences: readonly string[]): Promise<TokenAnswer>;
}

/** What anyone with bad credentials is told, whatever is wrong with them. */
export const unauthorized = (): ApiError => new ApiError('Unauthorized', 'Unauthorized');

/**
 * Tries certificate, static token, bootstrap token, service account token, in this order.
 * Source: kubernetes pkg/kubeapiserver/authenticator/config.go.
 */
export function createAuthenticator({
  registry,
  cache,
  world,
  serviceAccounts,
  staticTokens = {},
  allowAnonymous = true,
}: {
  readonly registry: Registry;
  readonly cache: CacheReader;
  readonly world: World;
  readonly serviceAccounts: ServiceAccountTokens;
  readonly staticTokens?: Readonly<Record<string, { readonly name: string; readonly groups?: readonly string[] }>>;
  readonly allowAnonymous?: boolean | undefined;
}): ClusterAuthenticator {
  const statics = new Map(
    Object.entries(staticTokens).map(([token, user]) => [
      token,
      authenticated({ name: user.name, groups: user.groups ?? [] }),
    ]),
  );
  const bootstrap = createBootstrapTokens(registry, cache, world);

  const review = async (token: string, audiences: readonly string[]): Promise<TokenAnswer> => {
    const plain = statics.get(token) ?? bootstrap.authenticate(token);
    if (plain !== undefined) return { user: plain, audiences, error: undefined };
    try {
      const verdict = await serviceAccounts.verify(token, audiences);
      if (verdict !== undefined) return { ...verdict, error: undefined };
      return { user: undefined, audiences: [], error: 'invalid bearer token' };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { user: undefined, audiences: [], error: `[invalid bearer token, ${why}]` };
    }
  };
  const byToken = async (token: string): Promise<UserInfo> => {
    const { user, error } = await review(token, serviceAccounts.audiences);
    if (user !== undefined) return user;
    world.log.debug('request with a refused token', { err: error });
    throw unauthorized();
  };
  return {
    review,
    authenticate({ certificate, bearerToken, refusedCertificate = false }) {
      const expired = certificate?.notAfterMs !== undefined && certificate.notAfterMs < world.clock.now();
      if (certificate !== undefined && certificate.commonName !== '' && !expired)
        return authenticated({
          name: certificate.commonName,
          groups: certificate.organizations,
          ...(certificate.sha256 !== undefined && {
            extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${certificate.sha256}`] },
          }),
        });
      if (bearerToken !== undefined && bearerToken !== '') return statics.get(bearerToken) ?? byToken(bearerToken);
      // Who shows something bad is not taken for someone who shows nothing.
      if (!allowAnonymous || refusedCertificate || expired) throw unauthorized();
      return anonymous;
    },
  };
}
