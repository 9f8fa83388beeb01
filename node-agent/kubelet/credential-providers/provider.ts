import { createHash } from 'node:crypto';
import type { World } from '../../../bus/world.ts';
import type { Pod, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import type { CredentialSource, Entries } from '../pull-secrets/keyring.ts';
import { covers } from '../pull-secrets/place.ts';
import { durationMs } from '../../../schemas/meta/duration.ts';
import type { ProviderConfiguration, TokenAttributes } from './configuration.ts';
import type { ProviderRequest, ProviderResponse } from './program.ts';

/** Whose token a program is handed. */
export interface Accounts {
  /** Rejects: it cannot be had. */
  get(namespace: string, name: string): Promise<ServiceAccount>;
  /** One that is bound to the pod. Rejects. */
  token(pod: Pod, account: ServiceAccount, audience: string): Promise<string>;
}
export interface Provided {
  readonly entries: Entries;
  /** undefined: whoever runs on the node may use them. */
  readonly source: CredentialSource | undefined;
}
/** What goes with one pod's request, and what is kept apart by it. */
interface Identity {
  readonly key: string;
  readonly flight: string;
  readonly token: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly source: CredentialSource | undefined;
}
const NOBODY: Identity = { key: '', flight: '', token: '', annotations: {}, source: undefined };
/** Cannot be the name of a registry. Source: credentialprovider/plugin globalCacheKey. */
const GLOBAL = '<global>';
/** Source: credentialprovider/plugin cachePurgeInterval. */
const PURGE_MS = 15 * 60_000;

/**
 * Credentials of one program, kept as long as it says, by image, registry or for all. Who asks for the same at the same time
 * waits for the same answer. Source: credentialprovider/plugin pluginProvider.
 */
export class CredentialProvider {
  readonly name: string;
  readonly #world: World;
  readonly #of: ProviderConfiguration;
  readonly #ask: (request: ProviderRequest) => Promise<ProviderResponse>;
  readonly #accounts: Accounts;
  readonly #kept = new Map<string, { readonly entries: Entries; readonly until: number }>();
  readonly #asked = new Map<string, Promise<ProviderResponse>>();
  #purgedAt: number;

  constructor(world: World, of: ProviderConfiguration, ask: (request: ProviderRequest) => Promise<ProviderResponse>, accounts: Accounts) {
    this.name = of.name;
    this.#world = world;
    this.#of = of;
    this.#ask = ask;
    this.#accounts = accounts;
    this.#purgedAt = world.clock.now();
  } // prettier-ignore
  /** For a repository, a full name without tag. undefined: this is none of its images. Rejects with Error. */
  async provide(repository: string, pod: Pod): Promise<Provided | undefined> {
    if (!this.#of.matchImages.some((place) => covers(place, repository))) return undefined;
    const identity = await this.#identityOf(pod);
    if (identity === undefined) return undefined;
    const kept = this.#find(repository, identity);
    if (kept !== undefined) return { entries: kept, source: identity.source };
    const response = await this.#askOnce(repository, identity);
    const mayEcho = this.#of.tokenAttributes?.cacheType === 'Token';
    if (identity.token !== '' && !mayEcho && Object.values(response.auth).some(({ password }) => password === identity.token))
      throw new Error("credential provider plugin returned the service account token as the password which is not allowed when service account cache type is not set to 'Token'");
    const place = placeOfKind(response.cacheKeyType, repository);
    const keepMs = response.cacheMs ?? durationMs(this.#of.defaultCacheDuration);
    if (keepMs !== 0) this.#kept.set(keyOf(place, identity.key), { entries: response.auth, until: this.#world.clock.now() + keepMs });
    return { entries: response.auth, source: identity.source };
  } // prettier-ignore
  #find(repository: string, { key }: Identity): Entries | undefined {
    const now = this.#world.clock.now();
    if (now > this.#purgedAt + PURGE_MS) {
      for (const [place, { until }] of this.#kept) if (now > until) this.#kept.delete(place);
      this.#purgedAt = now;
    }
    for (const place of [repository, registryOf(repository), GLOBAL]) {
      const kept = this.#kept.get(keyOf(place, key));
      if (kept !== undefined && now <= kept.until) return kept.entries;
    }
    return undefined;
  }
  async #askOnce(image: string, { flight, token, annotations }: Identity): Promise<ProviderResponse> {
    const key = keyOf(image, flight);
    let asked = this.#asked.get(key);
    if (asked === undefined) {
      asked = this.#ask({ image, serviceAccountToken: token, serviceAccountAnnotations: annotations }).finally(() => this.#asked.delete(key)); // prettier-ignore
      this.#asked.set(key, asked);
    }
    try {
      return await asked;
    } catch (error) {
      throw new Error(`failed to get credential from external registry credential provider: ${(error as Error).message}`, { cause: error }); // prettier-ignore
    }
  }
  /** undefined: the program is not asked for this pod. */
  async #identityOf(pod: Pod): Promise<Identity | undefined> {
    const wanted = this.#of.tokenAttributes;
    if (wanted === undefined) return NOBODY;
    const { namespace = '' } = pod.metadata;
    const name = pod.spec?.serviceAccountName ?? '';
    if (name === '') return wanted.requireServiceAccount ? undefined : NOBODY;
    const account = await this.#accounts.get(namespace, name).catch((error: unknown) => {
      throw new Error(`failed to get service account: ${(error as Error).message}`, { cause: error });
    });
    const annotations = annotationsOf(account, wanted);
    if (annotations === undefined) return undefined;
    const token = await this.#accounts.token(pod, account, wanted.serviceAccountTokenAudience).catch((error: unknown) => {
      throw new Error(`failed to get service account token: ${(error as Error).message}`, { cause: error });
    });
    const uid = account.metadata?.uid ?? '';
    const sorted = Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1));
    const hash = createHash('sha256').update(token).digest('hex');
    return {
      key: JSON.stringify([namespace, name, uid, sorted, ...(wanted.cacheType === 'Token' ? [hash] : [])]),
      flight: JSON.stringify([hash, sorted]),
      token,
      annotations,
      source: { kind: 'ServiceAccount', uid, namespace, name },
    };
  } // prettier-ignore
}
/** undefined: one is missing by which an account says that it wants this. */
function annotationsOf({ metadata }: ServiceAccount, wanted: TokenAttributes): Readonly<Record<string, string>> | undefined {
  const { requiredServiceAccountAnnotationKeys: needed = [], optionalServiceAccountAnnotationKeys: more = [] } = wanted;
  const has = new Map(Object.entries(metadata?.annotations ?? {}));
  if (needed.some((key) => !has.has(key))) return undefined;
  return Object.fromEntries([...needed, ...more].flatMap((key) => (has.has(key) ? [[key, has.get(key)!]] : [])));
} // prettier-ignore
const keyOf = (place: string, identity: string): string => JSON.stringify([place, identity]);
const registryOf = (repository: string): string => repository.split('/', 1)[0]!;
function placeOfKind(kind: string, repository: string): string {
  if (kind === 'Image') return repository;
  if (kind === 'Registry') return registryOf(repository);
  if (kind === 'Global') return GLOBAL;
  throw new Error(`credential provider plugin did not return a valid cacheKeyType: ${kind}`);
}
