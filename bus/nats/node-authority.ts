import { createAccount, createCurve, createUser, fromCurveSeed, fromSeed } from '@nats-io/nkeys';
import { ApiError } from '../../schemas/meta/status.ts';
import type { CalloutKeys } from './server-config.ts';

/**
 * The secrets of those who let nodes in, kept as a file of JSON with mode 0600. Who has them can make itself a credential
 * for anything on the bus: no component but the node authenticator reads them.
 */
export interface NodeAuthority {
  /** Signs node credentials, `SA...`. */
  readonly issuer: string;
  /** Opens what nats-servers ask, `SX...`. */
  readonly box: string;
  /** Of the user who may list and end connections, `SU...`. */
  readonly system: string;
}
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (seed: string): Uint8Array => new TextEncoder().encode(seed);

export const createNodeAuthority = (): NodeAuthority => ({
  issuer: text(createAccount().getSeed()),
  box: text(createCurve().getSeed()),
  system: text(createUser().getSeed()),
});
/** What the servers' configuration says of it. */
export const publicPartsOf = ({
  issuer,
  box,
  system,
}: NodeAuthority): { readonly callout: CalloutKeys; readonly systemUser: string } => ({
  callout: { issuer: fromSeed(bytes(issuer)).getPublicKey(), box: fromCurveSeed(bytes(box)).getPublicKey() },
  systemUser: fromSeed(bytes(system)).getPublicKey(),
});

export const formatNodeAuthority = (authority: NodeAuthority): string => `${JSON.stringify(authority, null, 2)}\n`;
/** Thrown: ApiError BadRequest for text that is no such file. */
export function parseNodeAuthority(json: string): NodeAuthority {
  let value: Partial<NodeAuthority> | null = null;
  try {
    value = JSON.parse(json) as Partial<NodeAuthority> | null;
  } catch {
    // Said below.
  }
  const { issuer, box, system } = value ?? {};
  const isSeed = (seed: unknown, kind: string): seed is string =>
    typeof seed === 'string' && new RegExp(`^S${kind}[A-Z2-7]{56}$`).test(seed);
  if (!isSeed(issuer, 'A') || !isSeed(box, 'X') || !isSeed(system, 'U'))
    throw new ApiError('BadRequest', 'not the keys of a node authority');
  return { issuer, box, system };
}
