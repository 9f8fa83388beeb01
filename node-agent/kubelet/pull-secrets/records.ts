import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { World } from '../../../bus/world.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { fullName } from '../../runtime/image-name.ts';
import type { Credential } from './keyring.ts';
import { DEFAULT_POLICY, repositoryOf, verification, type Verification } from './verification.ts';

/** With which Secret an image was pulled. Source: kubelet.config.k8s.io ImagePullSecret. */
interface PulledWith {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly credentialHash: string;
}
/** Of which service account the token was. Source: kubelet.config.k8s.io ImagePullServiceAccount. */
type PulledBy = Pick<PulledWith, 'uid' | 'namespace' | 'name'>;
/** Source: kubelet.config.k8s.io ImagePullCredentials. */
interface Access {
  readonly nodePodsAccessible?: boolean;
  readonly kubernetesSecrets?: readonly PulledWith[];
  readonly kubernetesServiceAccounts?: readonly PulledBy[];
}
/** Source: kubelet.config.k8s.io ImagePulledRecord. */
interface Pulled {
  readonly kind: 'ImagePulledRecord';
  readonly apiVersion: typeof API_VERSION;
  readonly lastUpdatedTime: string;
  /** Id of the image, by the runtime. */
  readonly imageRef: string;
  /** By the names, without tags, by which it was pulled. */
  readonly credentialMapping: Readonly<Record<string, Access>>;
}
const API_VERSION = 'kubelet.config.k8s.io/v1beta1';
/** Source: kubelet images/pullmanager writeRecordWhileMatchingLimit: so many are kept of one image. */
const MOST_SECRETS = 100;

/**
 * Which images were pulled with whose credentials, so that nobody else uses them only because they are there. What was
 * never pulled, but loaded, is everybody's, unless `verifies` says otherwise. Outlives the kubelet: one file each below
 * `folder`, written before it counts. Source: kubelet images/pullmanager, KubeletEnsureSecretPulledImages.
 */
export class PullRecords {
  readonly #world: World;
  readonly #folder: string;
  readonly #verifies: Verification;
  readonly #pulled = new Map<string, Pulled>();
  /** Images that are being pulled, or were when a kubelet ended, and how often. */
  readonly #intents = new Map<string, number>();
  #busy: Promise<unknown> = Promise.resolve();

  private constructor(world: World, folder: string, verifies: Verification) {
    this.#world = world;
    this.#folder = folder;
    this.#verifies = verifies;
  }
  /** What an earlier kubelet has left behind; files that cannot be read count as not there. */
  static async open(world: World, folder: string, verifies: Verification = verification(DEFAULT_POLICY)): Promise<PullRecords> {
    const records = new PullRecords(world, folder, verifies);
    for (const kind of ['pulling', 'pulled'] as const) await mkdir(join(folder, kind), { recursive: true, mode: 0o700 });
    for (const { image } of await records.#read<{ image?: string }>('pulling')) if (image) records.#intents.set(image, 1);
    for (const record of await records.#read<Pulled>('pulled'))
      if (record.imageRef) records.#pulled.set(record.imageRef, { ...record, credentialMapping: record.credentialMapping ?? {} });
    return records;
  } // prettier-ignore
  /** Whether who has these credentials may use the image that is there. */
  async mayUse(image: string, imageRef: string, credentialsOf: () => Promise<readonly Credential[]>): Promise<boolean> {
    const record = this.#pulled.get(imageRef);
    if (!this.#verifies(image, record !== undefined || this.#intents.has(image))) return true;
    if (record === undefined) return false;
    const repository = repositoryOf(image);
    const access = Object.hasOwn(record.credentialMapping, repository) ? record.credentialMapping[repository] : undefined;
    if (access?.nodePodsAccessible === true) return true;
    const known = access?.kubernetesSecrets ?? [];
    const accounts = access?.kubernetesServiceAccounts ?? [];
    if (known.length === 0 && accounts.length === 0) return false;
    const sources = await credentialsOf();
    for (const { hash, source } of sources) {
      if (source?.kind !== 'Secret') continue;
      const same = known.some(({ credentialHash }) => credentialHash === hash);
      const isOf = known.some(isSame(source));
      if (!same && !isOf) continue;
      // Of what is new of it the next one may know.
      if (!same || !isOf) await this.#grant(image, imageRef, accessOf({ hash, source }));
      return true;
    }
    // A pod has one account; whom a program made its credentials for is not looked at.
    const own = sources.find(({ source }) => source?.kind === 'ServiceAccount')?.source;
    return own !== undefined && accounts.some(isSame(own));
  } // prettier-ignore
  /** Pulls, and keeps with what it was done. `work` resolves with the image's id and the credential used, if any. */
  async pulling<T extends { readonly imageRef: string; readonly used: Credential | undefined }>(image: string, work: () => Promise<T>): Promise<T> {
    const count = this.#intents.get(image) ?? 0;
    this.#intents.set(image, count + 1);
    if (count === 0) await this.#write('pulling', image, { kind: 'ImagePullIntent', apiVersion: API_VERSION, image });
    try {
      const result = await work();
      await this.#grant(image, result.imageRef, accessOf(result.used));
      return result;
    } finally {
      const left = (this.#intents.get(image) ?? 1) - 1;
      if (left > 0) this.#intents.set(image, left);
      else {
        this.#intents.delete(image);
        await rm(this.#file('pulling', image), { force: true });
      }
    }
  } // prettier-ignore
  /** Images that were on their way when a kubelet ended, and those that are gone. `images`: ids and names of all that there are. */
  async settle(images: readonly { readonly id: string; readonly names: readonly string[] }[]): Promise<void> {
    for (const image of this.#intents.keys()) {
      const there = images.find(({ names }) => names.includes(fullName(image)));
      // Nobody knows with what it was pulled: who wants it pulls it.
      if (there !== undefined && !this.#pulled.has(there.id)) await this.#keep(this.#blank(there.id));
      await rm(this.#file('pulling', image), { force: true });
    }
    this.#intents.clear();
    await this.prune(
      images.map(({ id }) => id),
      Infinity,
    );
  }
  /** Forgets images other than `ids`, but for what was kept at `before` (ms since the epoch) or later. Source: PruneUnknownRecords. */
  async prune(ids: readonly string[], before: number): Promise<void> {
    const there = new Set(ids);
    // Records tell whole seconds.
    const since = Math.floor(before / 1_000) * 1_000;
    for (const [ref, { lastUpdatedTime }] of this.#pulled) {
      if (there.has(ref) || Date.parse(lastUpdatedTime) >= since) continue;
      this.#pulled.delete(ref);
      // Whoever pulls it meanwhile writes after this.
      await this.#alone(() => rm(this.#file('pulled', ref), { force: true }));
    }
  }
  #blank(imageRef: string): Pulled {
    const lastUpdatedTime = formatTime(this.#world.clock.now());
    return { kind: 'ImagePulledRecord', apiVersion: API_VERSION, lastUpdatedTime, imageRef, credentialMapping: {} };
  }
  async #grant(image: string, imageRef: string, access: Access): Promise<void> {
    const record = this.#pulled.get(imageRef) ?? this.#blank(imageRef);
    const repository = repositoryOf(image);
    const before = Object.hasOwn(record.credentialMapping, repository) ? record.credentialMapping[repository]! : {};
    const after = merged(before, access);
    if (this.#pulled.has(imageRef) && JSON.stringify(before) === JSON.stringify(after)) return;
    const lastUpdatedTime = formatTime(this.#world.clock.now());
    await this.#keep({ ...record, lastUpdatedTime, credentialMapping: { ...record.credentialMapping, [repository]: after } });
  } // prettier-ignore
  async #keep(record: Pulled): Promise<void> {
    this.#pulled.set(record.imageRef, record);
    await this.#alone(() => this.#write('pulled', record.imageRef, record));
  }
  /** Files of records are written and removed in the order in which the records were. */
  async #alone(work: () => Promise<void>): Promise<void> {
    const run = this.#busy.then(work);
    this.#busy = run.catch(() => undefined);
    await run;
  }
  /** Whole or not at all. */
  async #write(kind: 'pulling' | 'pulled', key: string, value: unknown): Promise<void> {
    const file = this.#file(kind, key);
    const draft = `${file}.${this.#world.ids.token()}.tmp`;
    await writeFile(draft, JSON.stringify(value), { mode: 0o600 });
    await rename(draft, file);
  }
  async #read<T>(kind: 'pulling' | 'pulled'): Promise<T[]> {
    const folder = join(this.#folder, kind);
    const found: T[] = [];
    for (const name of await readdir(folder)) {
      if (name.endsWith('.tmp')) await rm(join(folder, name), { force: true });
      else
        try {
          found.push(JSON.parse(await readFile(join(folder, name), 'utf8')) as T);
        } catch (error) {
          this.#world.log.warn('record of a pulled image not read', { file: name, err: error });
        }
    }
    return found;
  }
  #file(kind: 'pulling' | 'pulled', key: string): string {
    return join(this.#folder, kind, `sha256-${createHash('sha256').update(key).digest('hex')}`);
  }
}
const isSame = (a: PulledBy) => (b: PulledBy): boolean => a.uid === b.uid && a.namespace === b.namespace && a.name === b.name; // prettier-ignore
/** Source: images trackedToImagePullCreds. */
function accessOf(used: Pick<Credential, 'hash' | 'source'> | undefined): Access {
  if (used?.source === undefined) return { nodePodsAccessible: true };
  const { kind, uid, namespace, name } = used.source;
  if (kind === 'ServiceAccount') return { kubernetesServiceAccounts: [{ uid, namespace, name }] };
  return { kubernetesSecrets: [{ uid, namespace, name, credentialHash: used.hash }] };
}
/** Once anybody on the node may, everybody may. Source: pulledRecordMergeNewCreds. */
function merged(before: Access, after: Access): Access {
  if (before.nodePodsAccessible === true || after.nodePodsAccessible === true) return { nodePodsAccessible: true };
  const secrets = joined(before.kubernetesSecrets, after.kubernetesSecrets).slice(-MOST_SECRETS);
  const accounts = joined(before.kubernetesServiceAccounts, after.kubernetesServiceAccounts);
  return {
    ...(secrets.length > 0 && { kubernetesSecrets: secrets }),
    ...(accounts.length > 0 && { kubernetesServiceAccounts: accounts }),
  };
}
/** What is there anew stands last; what was told again is left as it was. */
function joined<T extends PulledBy>(before: readonly T[] = [], after: readonly T[] = []): readonly T[] {
  const told = (one: T): boolean => before.some((known) => JSON.stringify(known) === JSON.stringify(one));
  const added = after.filter((one) => !told(one));
  return [...before.filter((one) => !added.some(isSame(one))), ...added];
}
