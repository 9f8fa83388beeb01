/**
 * Who asks. `createAuthenticator(...)` maps credentials to a user (never undefined; throws Unauthorized);
 * `impersonationOf(headers)` and `impersonate(...)` are the stage after it; `createServiceAccountTokens(...)` signs and
 * checks tokens with keys from `readTokenKey(pem)`; `createTokenRequest(...)` is `create` of serviceaccounts/token,
 * `createIdentityReviews(...)` of tokenreviews and selfsubjectreviews, `createOpenIdHandler(...)` the issuer's documents.
 */
export { createAuthenticator, unauthorized, type ClusterAuthenticator } from './authenticator.ts';
export { impersonate, impersonationOf, type Impersonation } from './impersonate.ts';
export { readTokenKey, type TokenKey } from './keys.ts';
export { createOpenIdHandler } from './openid.ts';
export { createIdentityReviews } from './reviews.ts';
export { createServiceAccountTokens, type ServiceAccountTokens } from './service-account-tokens.ts';
export { createTokenRequest } from './token-request.ts';
export { anonymous, authenticated, intern, serviceAccountGroups, serviceAccountName } from './users.ts';
