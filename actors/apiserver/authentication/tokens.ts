import type { UserInfo } from '../request.ts';

/** What becomes of a token. `error`: why it was refused; without one and without a user, it is none that is known here. */
export type TokenFound =
  | { readonly user: UserInfo; readonly audiences: readonly string[] }
  | { readonly user: undefined; readonly error?: string | undefined };
/** Tells whose a token is. Never rejects. Source: apiserver pkg/authentication/authenticator Token. */
export type TokenAuthenticator = (token: string, audiences: readonly string[]) => Promise<TokenFound>;
export const UNKNOWN: TokenFound = { user: undefined };
export const refusedToken = (error: string): TokenFound => ({ user: undefined, error });

/** Whose tokens say nothing of audiences is good for those of the API server. Source: apiserver WrapAudienceAgnosticToken. */
export function sharedAudiences(implicit: readonly string[], wanted: readonly string[]): readonly string[] {
  return implicit.filter((audience) => wanted.includes(audience));
}
