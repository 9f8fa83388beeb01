import { createHash } from 'node:crypto';
import type { Secret } from '../../../schemas/generated/core-v1.ts';
import { fromBase64 } from '../../../schemas/core/base64.ts';

/** Where credentials come from. Source: credentialprovider SecretCoordinates. */
export interface SecretSource {
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
  readonly source: SecretSource | undefined;
}
interface Entry {
  readonly username?: string;
  readonly password?: string;
  readonly email?: string;
  readonly auth?: string;
}
type Entries = Readonly<Record<string, Entry>>;
const DEFAULT_REGISTRY = 'index.docker.io';

/** Credentials for registries, each for a host and what begins with a path on it. Source: credentialprovider keyring.go. */
export class Keyring {
  readonly #byPlace = new Map<string, Credential[]>();

  /** What a Secret holds, if it is of a type that holds any. Throws: Error, what cannot be read. */
  addSecret({ metadata, type, data = {} }: Secret): void {
    const source = { uid: metadata.uid ?? '', namespace: metadata.namespace ?? '', name: metadata.name ?? '' };
    if (type === 'kubernetes.io/dockerconfigjson' && data['.dockerconfigjson'])
      this.addConfig(fromBase64(data['.dockerconfigjson']), source);
    else if (type === 'kubernetes.io/dockercfg' && data['.dockercfg'])
      this.#add(JSON.parse(fromBase64(data['.dockercfg'])) as Entries, source);
  }
  /** The text of a Docker `config.json`. Throws: Error. */
  addConfig(text: string, source: SecretSource | undefined): void {
    this.#add((JSON.parse(text) as { auths?: Entries } | null)?.auths ?? {}, source);
  }
  #add(entries: Entries, source: SecretSource | undefined): void {
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
/** `https://host:port/v1/path` -> `host:port/path`. undefined: it is no place. */
function placeOf(location: string): string | undefined {
  const [, rest = ''] = /^(?:https?:\/\/)?(.*)$/s.exec(location) ?? [];
  const [place = ''] = rest.split(/[?#]/, 1);
  const slash = place.indexOf('/');
  const host = slash < 0 ? place : place.slice(0, slash);
  const path = (slash < 0 ? '' : place.slice(slash)).replace(/^\/v[12](?=\/)/, '');
  if (host === '' || /\s/.test(host)) return undefined;
  return path === '/' ? host : host + path;
}
/** Source: credentialprovider URLsMatch. */
function covers(place: string, target: string): boolean {
  const [a, b] = [split(place), split(target)];
  return (
    a.port === b.port &&
    a.labels.length === b.labels.length &&
    b.path.startsWith(a.path) &&
    a.labels.every((label, i) => globOf(label).test(b.labels[i]!))
  );
}
function split(place: string): { readonly labels: readonly string[]; readonly port: string; readonly path: string } {
  const slash = place.indexOf('/');
  const host = slash < 0 ? place : place.slice(0, slash);
  const [, name = host, port = ''] = /^(.*):(\d*)$/.exec(host) ?? [];
  return { labels: name.split('.'), port, path: slash < 0 ? '' : place.slice(slash) };
}
/** Of one label of a host: `*` is any text. */
const globOf = (label: string): RegExp =>
  new RegExp(
    `^${label
      .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    's',
  );

/** Source: credentialprovider isDefaultRegistryMatch. */
function isOfDefaultRegistry(repository: string): boolean {
  const [first = '', ...others] = repository.split('/');
  if (first === '') return false;
  return others.length === 0 || first === 'docker.io' || first === DEFAULT_REGISTRY || !/[.:]/.test(first);
}
