import { readFile } from 'node:fs/promises';
import type { World } from '../../../bus/world.ts';
import type { Pod, Secret } from '../../../schemas/generated/core-v1.ts';
import { fullName } from '../../runtime/image-name.ts';
import { RuntimeError } from '../../runtime/interface.ts';
import { Keyring, type Credential } from './keyring.ts';
import type { PullRecords } from './records.ts';

/** How pods come to the images that their node pulls. */
export interface Pulls {
  /** Whether the pod may use an image that is there. Rejects with RuntimeError: its Secrets cannot be read. */
  mayUse(pod: Pod, image: string, imageRef: string, signal: AbortSignal): Promise<boolean>;
  /**
   * Has `pull` done with the pod's credentials, when it is its turn; it says which of them, by their order, was good, none
   * if none was given. Rejects as `pull` does.
   */
  pull<T extends { readonly id: string }>(
    pod: Pod,
    image: string,
    signal: AbortSignal,
    pull: (credentials: readonly Credential[]) => Promise<{ readonly image: T; readonly used: Credential | undefined }>,
  ): Promise<T>;
}
/** Pulls at once; the others wait. The real kubelet has one, which a registry that hangs holds up for all. */
const PARALLEL = 5;

export function createPulls(o: {
  readonly world: World;
  readonly records: PullRecords;
  /** Rejects: there is none, or it cannot be had now. */
  readonly secret: (pod: Pod, name: string, signal: AbortSignal) => Promise<Secret>;
  /** Docker's `config.json` of the node: whoever runs there may use what is in it. It need not be there. */
  readonly config: string;
  readonly tell: (pod: Pod, reason: string, message: string) => void;
}): Pulls {
  const { world, records } = o;
  const waiting: (() => void)[] = [];
  let running = 0;

  /** Source: kubelet getPullSecretsForPod, credentialprovider MakeDockerKeyring. */
  async function credentialsOf(pod: Pod, image: string, signal: AbortSignal): Promise<readonly Credential[]> {
    const ofPod = new Keyring();
    const missing: string[] = [];
    for (const { name } of pod.spec?.imagePullSecrets ?? []) {
      if (!name) continue;
      const secret = await o.secret(pod, name, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        world.log.info('pull secret not read, the pull may not succeed', { pod: pod.metadata.name, secret: name, err: error });
        return undefined;
      });
      if (secret === undefined) missing.push(name);
      else
        try {
          ofPod.addSecret(secret);
        } catch (error) {
          throw new RuntimeError('ErrImagePull', (error as Error).message, { cause: error });
        }
    }
    if (missing.length > 0)
      o.tell(pod, 'FailedToRetrieveImagePullSecret', `Unable to retrieve some image pull secrets (${missing.join(', ')}); attempting to pull the image may not succeed.`);
    const [repository = ''] = fullName(image).split('@', 1);
    const slash = repository.lastIndexOf('/');
    const bare = repository.slice(0, slash) + repository.slice(slash).replace(/:.*$/, '');
    return [...ofPod.lookup(bare), ...(await ofNode()).lookup(bare)];
  } // prettier-ignore
  async function ofNode(): Promise<Keyring> {
    const keyring = new Keyring();
    try {
      keyring.addConfig(await readFile(o.config, 'utf8'), undefined);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        world.log.warn('credentials of the node not read', { file: o.config, err: error });
    }
    return keyring;
  }
  async function turn(signal: AbortSignal): Promise<void> {
    if (running < PARALLEL) {
      running++;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      const place = waiting.indexOf(resolve);
      if (place < 0) return;
      waiting.splice(place, 1);
      reject(signal.reason as Error);
    };
    waiting.push(resolve);
    signal.addEventListener('abort', onAbort, { once: true });
    await promise.finally(() => signal.removeEventListener('abort', onAbort));
  }
  /** Whose turn it is next takes the place over. */
  function done(): void {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
  return {
    mayUse: (pod, image, imageRef, signal) => records.mayUse(image, imageRef, () => credentialsOf(pod, image, signal)),
    async pull(pod, image, signal, pull) {
      const credentials = await credentialsOf(pod, image, signal);
      await turn(signal);
      try {
        const { image: pulled } = await records.pulling(image, async () => {
          const result = await pull(credentials);
          return { ...result, imageRef: result.image.id };
        });
        return pulled;
      } finally {
        done();
      }
    },
  };
}
