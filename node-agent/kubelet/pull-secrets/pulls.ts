import { readFile } from 'node:fs/promises';
import type { World } from '../../../bus/world.ts';
import type { Pod, Secret } from '../../../schemas/generated/core-v1.ts';
import { fullName } from '../../runtime/image-name.ts';
import { RuntimeError } from '../../runtime/interface.ts';
import type { LookUp } from '../credential-providers/providers.ts';
import { Keyring, type Credential } from './keyring.ts';
import type { PullRecords } from './records.ts';
import { createTurns, type Turns } from './turns.ts';

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
export function createPulls(o: {
  readonly world: World;
  readonly records: PullRecords;
  /** Rejects: there is none, or it cannot be had now. */
  readonly secret: (pod: Pod, name: string, signal: AbortSignal) => Promise<Secret>;
  /** Docker's `config.json` of the node, the first that is there: whoever runs on the node may use what is in it. */
  readonly configs: readonly string[];
  /** Of programs that know credentials. Default: none. */
  readonly provided?: LookUp | undefined;
  /** Default: five at once, as often as they like. */
  readonly turns?: Turns | undefined;
  readonly tell: (pod: Pod, reason: string, message: string) => void;
}): Pulls {
  const { world, records } = o;
  const turns = o.turns ?? createTurns(world, {});

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
    const [ofNode, provided = []] = await Promise.all([nodeKeyring(), o.provided?.(pod, bare)]);
    signal.throwIfAborted();
    return [...ofPod.lookup(bare), ...ofNode.lookup(bare), ...provided];
  } // prettier-ignore
  async function nodeKeyring(): Promise<Keyring> {
    const keyring = new Keyring();
    for (const file of o.configs)
      try {
        keyring.addConfig(await readFile(file, 'utf8'), undefined);
        return keyring;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
          world.log.warn('credentials of the node not read', { file, err: error });
      }
    return keyring;
  }
  return {
    mayUse: (pod, image, imageRef, signal) => records.mayUse(image, imageRef, () => credentialsOf(pod, image, signal)),
    async pull(pod, image, signal, pull) {
      const credentials = await credentialsOf(pod, image, signal);
      return turns.take(signal, async () => {
        const { image: pulled } = await records.pulling(image, async () => {
          const result = await pull(credentials);
          return { ...result, imageRef: result.image.id };
        });
        return pulled;
      });
    },
  };
}
