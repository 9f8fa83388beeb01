/**
 * Who asks. `createAuthenticator(...)` maps credentials to a user (never undefined; throws Unauthorized);
 * `impersonationOf(headers)` and `impersonate(...)` are the stage after it; `createServiceAccountTokens(...)` signs and
 * checks tokens with keys from `readTokenKey(pem)`; `createTokenRequest(...)` is `create` of serviceaccounts/token,
 * `createIdentityReviews(...)` of tokenreviews and selfsubjectreviews, `createOpenIdHandler(...)` the issuer's documents.
 */
export { createAuthenticator } from './authenticator.ts';
export { impersonate, impersonationOf } from './impersonate.ts';
export { readTokenKey } from './keys.ts';
export { createOpenIdHandler } from './openid.ts';
export { createIdentityReviews } from './reviews.ts';
export { createTokenUses } from './secret-tokens.ts';
export { createServiceAccountTokens } from './service-account-tokens.ts';
export { FRONT_PROXY_NAMES, remoteUser } from './request-header.ts';
export { tokenCacheCounts } from './token-cache.ts';
export { createTokenRequest } from './token-request.ts';
