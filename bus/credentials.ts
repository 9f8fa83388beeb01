import { createUser } from '@nats-io/nkeys';
import { ApiError } from '../schemas/meta/status.ts';
import { nkeyOf } from './nats/nkey.ts';
import { idOf, type UserSpec } from './permissions.ts';

export type { RoleSpec, UserSpec } from './permissions.ts';

/** What a process needs to get on the bus; kept as a file of JSON with mode 0600. */
export interface Credentials {
  readonly urls: readonly string[];
  /** First token of its addresses, see RoleSpec.id: its inbox is `_INBOX.<role>.>`. */
  readonly role: string;
  /** Seed of the user's nkey, `SU...`: a secret. */
  readonly seed: string;
  /** PEM of the authority that signed the server's certificate; undefined: no TLS. */
  readonly ca?: string | undefined;
  /** Name of the node that joined by a token with this key; undefined for the users that the server's configuration lists. */
  readonly node?: string | undefined;
  /** Bootstrap token for the first connection of a node: a secret, not kept in the file. */
  readonly token?: string | undefined;
  /** By which a node that the cluster knows by another key comes back; shown at the first connection, and not kept in the file. */
  readonly certificate?: NodeProof | undefined;
}
/** A node's certificate, and the use of its key. */
export interface NodeProof {
  /** DER. */
  readonly certificate: Uint8Array;
  /** Of the text's bytes, with SHA-256. */
  sign(text: string): Uint8Array;
}

/** A new user: what it keeps, and what the server is told. */
export function createCredentials(
  spec: UserSpec,
  server: { readonly urls: readonly string[]; readonly ca?: string | undefined },
): { readonly credentials: Credentials; readonly user: NatsUser } {
  const seed = new TextDecoder().decode(createUser().getSeed());
  const credentials = { urls: server.urls, role: idOf(spec), seed, ...(server.ca && { ca: server.ca }) };
  return { credentials, user: userOf(spec, seed) };
}
/** What a machine that joins as `node` keeps: a key of its own, which the cluster binds to the name when it is let in. */
export function createNodeCredentials(
  node: string,
  server: { readonly urls: readonly string[]; readonly ca?: string | undefined },
): Credentials {
  return { ...createCredentials({ node }, server).credentials, node };
}
/** The user of a seed that exists already. */
export const userOf = (spec: UserSpec, seed: string): NatsUser => ({ spec, publicKey: nkeyOf(seed).publicKey });

export const formatCredentials = ({ token: _token, certificate: _certificate, ...kept }: Credentials): string =>
  `${JSON.stringify(kept, null, 2)}\n`;

/** Thrown: ApiError BadRequest for text that is no such file. */
export function parseCredentials(text: string): Credentials {
  const refuse = (why: string): never => {
    throw new ApiError('BadRequest', `not a file of bus credentials: ${why}`);
  };
  let value: Partial<Credentials> | null = null;
  try {
    value = JSON.parse(text) as Partial<Credentials> | null;
  } catch {
    refuse('it is not JSON');
  }
  const { urls, role, seed, ca, node } = value ?? {};
  if (!Array.isArray(urls) || urls.length === 0 || !urls.every((u) => typeof u === 'string'))
    return refuse('it has no urls');
  if (typeof role !== 'string' || role === '') return refuse('it has no role');
  if (typeof seed !== 'string' || !/^SU[A-Z2-7]{56}$/.test(seed)) return refuse('its seed is not that of a user');
  return { urls, role, seed, ...(typeof ca === 'string' && { ca }), ...(typeof node === 'string' && { node }) };
}

export interface NatsUser {
  readonly spec: UserSpec;
  /** `U...` */
  readonly publicKey: string;
}
