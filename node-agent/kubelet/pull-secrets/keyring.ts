import { createHash } from 'node:crypto';
import type { Secret } from '../../../schemas/generated/core-v1.ts';
import { fromBase64 } from '../../../schemas/core/base64.ts';
import { covers, DEFAULT_REGISTRY, isOfDefaultRegistry, placeOf } from './place.ts';

/** Where credentials come from. Source: credentialprovider CredentialSource. */
export interface CredentialSource {
  /** What a program made of an account's token is the account's. */
  readonly kind: 'Secret' | 'ServiceAccount';
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}
export interface Credential {
  readonly username: string;
  readonly password: string;
  /** By which it is known again without being kept. */
  readonly hash: string;
  /** undefined: whoever runs on the node may use it. */
  readonly source: CredentialSource | undefined;
}
interface Entry {
  readonly username?: string;
  readonly password?: string;
  readonly email?: string;
  readonly auth?: string;
}
/** By place. Source: credentialprovider DockerConfig. */
export type Entries = Readonly<Record<string, Entry>>;

/** Credentials for registries, each for a host and what begins with a path on it. Source: credentialprovider keyring.go. */
export class Keyring {
  readonly #byPlace = new Map<string, Credential[]>();

  /** What a Secret holds, if it is of a type that holds any. Throws: Error, what cannot be read. */
  addSecret({ metadata, type, data = {} }: Secret): void {
    const source = { kind: 'Secret' as const, uid: metadata.uid ?? '', namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
    if (type === 'kubernetes.io/dockerconfigjson' && data['.dockerconfigjson'])
      this.addConfig(fromBase64(data['.dockerconfigjson']), source);
    else if (type === 'kubernetes.io/dockercfg' && data['.dockercfg'])
      this.add(JSON.parse(fromBase64(data['.dockercfg'])) as Entries, source);
  }
  /** The text of a Docker `config.json`. Throws: Error. */
  addConfig(text: string, source: CredentialSource | undefined): void {
    this.add((JSON.parse(text) as { auths?: Entries } | null)?.auths ?? {}, source);
  }
  /** Thrown: Error, what cannot be read. */
  add(entries: Entries, source: CredentialSource | undefined): void {
    for (const [location, entry] of Object.entries(entries)) {
      const place = placeOf(location);
      if (place === undefined) continue;
      const { username, password } = userOf(entry);
      const hash = createHash('sha256').update(JSON.stringify([username, password, entry.email ?? ''])).digest('hex');
      const known = this.#byPlace.get(place) ?? [];
      known.push({ username, password, hash, source });
      this.#byPlace.set(place, known);
    }
  }
  /** Of `repository`, a full name without tag (`docker.io/library/nginx`): those of the longest places first. */
  lookup(repository: string): readonly Credential[] {
    const places = [...this.#byPlace.keys()].sort().reverse();
    const found = places.filter((place) => covers(place, repository)).flatMap((place) => this.#byPlace.get(place)!);
    if (found.length > 0) return found;
    return isOfDefaultRegistry(repository) ? (this.#byPlace.get(DEFAULT_REGISTRY) ?? []) : [];
  }
} // prettier-ignore

function userOf({ username = '', password = '', auth }: Entry): { readonly username: string; readonly password: string } {
  if (!auth) return { username, password };
  const text = fromBase64(auth.trim());
  const colon = text.indexOf(':');
  if (colon < 0) throw new Error('unable to parse auth field, must be formatted as base64(username:password)');
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
} // prettier-ignore
