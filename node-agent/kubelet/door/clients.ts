import { createHash } from 'node:crypto';
import type { World } from '../../../bus/world.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { bearerToken, webSocketToken } from '../../../actors/runtime/bearer.ts';
import { tokenReviews } from '../../../actors/runtime/resources.ts';
import { durationMs } from '../../../schemas/meta/duration.ts';
import type { TokenReview, UserInfo } from '../../../schemas/generated/authentication-v1.ts';
import type { DoorConfiguration } from '../node/door-configuration.ts';
import { patiently } from './patiently.ts';
import { remembered } from './remembered.ts';

/** What a certificate of a client says, once it is known to be good. */
export interface ShownCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Of its bytes, in hex. */
  readonly sha256: string;
}
export interface Shown {
  /** undefined: none, or none that is believed. */
  readonly certificate: ShownCertificate | undefined;
  readonly authorization: string | undefined;
  /** The protocols that a WebSocket offers, one of which may be a token. */
  readonly protocols: string | undefined;
}
export type Client =
  | { readonly user: UserInfo; /** Without the token, if one was among them. */ readonly protocols?: string }
  | { readonly user: undefined; /** undefined: nothing was shown. */ readonly why: unknown };

const ANONYMOUS: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] };
const AUTHENTICATED = 'system:authenticated';
const MOST = 1_024;
const TIMEOUT_MS = 10_000;
const INVALID = 'invalid bearer token';

/**
 * Finds out who a client is: by its certificate, or by its token, which the API reviews; rejects never.
 * Source: kubelet app BuildAuthn, apiserver authenticatorfactory DelegatingAuthenticatorConfig.
 */
export function createAuthenticator(
  world: Pick<World, 'clock' | 'random'>,
  client: Pick<ApiClient, 'create'>,
  { anonymous, webhook }: DoorConfiguration['authentication'],
): (shown: Shown) => Promise<Client> {
  const ttlMs = durationMs(webhook.cacheTTL);
  const known = remembered<UserInfo | string>(world.clock, MOST, () => ttlMs);
  const review = async (token: string): Promise<UserInfo | string> => {
    const asked: TokenReview = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: {}, spec: { token } };
    const { status } = await patiently(world, () => client.create(tokenReviews, asked, { timeoutMs: TIMEOUT_MS }));
    return status?.authenticated === true && status.user !== undefined ? status.user : status?.error || INVALID;
  };
  // Tokens themselves are not kept.
  const ofToken = (token: string): Promise<UserInfo | string> =>
    known(createHash('sha256').update(token).digest('base64'), () => review(token));
  return async ({ certificate, authorization, protocols }) => {
    if (certificate !== undefined && certificate.commonName !== '') return { user: ofCertificate(certificate) };
    try {
      const asProtocol = webhook.enabled ? webSocketToken(protocols) : undefined;
      const token = webhook.enabled ? (bearerToken(authorization) ?? asProtocol?.token) : undefined;
      if (token === undefined) return anonymous.enabled ? { user: ANONYMOUS } : { user: undefined, why: undefined };
      const user = await ofToken(token);
      if (typeof user === 'string') return { user: undefined, why: new Error(user) };
      return { user: authenticated(user), ...(asProtocol !== undefined && { protocols: asProtocol.protocols }) };
    } catch (error) {
      return { user: undefined, why: error };
    }
  };
} // prettier-ignore
/** Source: apiserver pkg/authentication/request/x509 CommonNameUserConversion. */
const ofCertificate = ({ commonName, organizations, sha256 }: ShownCertificate): UserInfo =>
  authenticated({
    username: commonName,
    groups: [...organizations],
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${sha256}`] },
  });
/** Source: apiserver pkg/authentication/group AuthenticatedGroupAdder. */
const authenticated = (user: UserInfo): UserInfo => {
  const { username = '', groups = [] } = user;
  const isTold = username === ANONYMOUS.username || groups.includes(AUTHENTICATED) || groups.includes('system:unauthenticated'); // prettier-ignore
  return isTold ? user : { ...user, groups: [...groups, AUTHENTICATED] };
};
