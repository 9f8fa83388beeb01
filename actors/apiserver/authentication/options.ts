import type { World } from '../../../bus/world.ts';
import type { Metrics } from '../metrics/index.ts';
import type { TokenAuthenticator } from './tokens.ts';

/** Whether those who show nothing are somebody. */
export interface AnonymousConfiguration {
  readonly enabled: boolean;
  /** For which paths alone; undefined: for all. */
  readonly paths?: ReadonlySet<string> | undefined;
}
/** Somebody else who knows tokens. */
export interface RemoteTokens {
  readonly authenticate: TokenAuthenticator;
  stop(): void;
}
/** What they work with. */
export interface RemoteGround {
  readonly world: World;
  readonly metrics: Metrics;
  /** Of this API server. */
  readonly id: string;
  /** Its audiences. */
  readonly audiences: readonly string[];
}
/** How people show who they are beside certificates and service accounts; who makes it has loaded what it needs. */
export interface AuthenticationOptions {
  readonly anonymous?: AnonymousConfiguration | undefined;
  /** In the order in which they are asked. */
  readonly remote: readonly ((ground: RemoteGround) => RemoteTokens)[];
}
