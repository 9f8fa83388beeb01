import { grpcCode, type GrpcError } from '../../grpc/client.ts';
import { fullName } from '../image-name.ts';
import { RuntimeError, type Image } from '../interface.ts';
import type { CriImage, CriSandboxConfig } from './messages.ts';
import type { ImageUser } from './security.ts';
import type { CriService, RegistryAuth } from './service.ts';

/** The images of a node, as last heard of; a name that is not known is asked for. */
export class Images {
  readonly #cri: CriService;
  /** By each of their names and ids. */
  readonly #byName = new Map<string, CriImage>();
  #all: readonly CriImage[] = [];

  constructor(cri: CriService) {
    this.#cri = cri;
  }
  async load(): Promise<void> {
    this.#all = await this.#cri.images();
    this.#byName.clear();
    for (const image of this.#all) this.#learn(image);
  }
  get all(): readonly CriImage[] {
    return this.#all;
  }
  /** Throws InvalidImageName. */
  known(image: string): CriImage | undefined {
    return this.#byName.get(image) ?? this.#byName.get(isId(image) ? image : fullName(image));
  }
  async find(image: string): Promise<CriImage | undefined> {
    const found = await this.#cri.image(isId(image) ? image : fullName(image));
    if (found === undefined) this.#byName.delete(image);
    else this.#add(found, isId(image) ? image : fullName(image));
    return found;
  }
  /** With the first of `auths` that is good, if there are any. Rejects with ErrImagePull, RegistryUnavailable or SignatureValidationFailed. */
  async pull<A extends RegistryAuth>(image: string, auths: readonly A[], sandbox: CriSandboxConfig | undefined, signal: AbortSignal): Promise<{ readonly image: CriImage; readonly used: A | undefined }> {
    const failures: unknown[] = [];
    for (const auth of auths.length === 0 ? [undefined] : auths) {
      try {
        const ref = await this.#cri.pullImage(fullName(image), auth, sandbox, signal);
        const pulled = (await this.find(image)) ?? (await this.find(ref));
        if (pulled !== undefined) return { image: pulled, used: auth };
        failures.push(new Error(`image "${image}" is not there after it was pulled`));
      } catch (error) {
        signal.throwIfAborted();
        failures.push(error);
      }
    }
    throw pullError(image, failures);
  } // prettier-ignore
  async remove(image: string): Promise<void> {
    await this.#cri.removeImage(image);
    await this.load();
  }
  #add(image: CriImage, asked: string): void {
    if (!this.#all.some(({ id }) => id === image.id)) this.#all = [...this.#all, image];
    this.#learn(image);
    this.#byName.set(asked, image);
  }
  #learn(image: CriImage): void {
    for (const name of [image.id, ...image.repoTags, ...image.repoDigests]) this.#byName.set(name, image);
  }
}
const isId = (image: string): boolean => /^(?:sha256:)?[0-9a-f]{64}$/.test(image);

/** As the kubelet shows it. `imageID` is that of the runtime: a digest reference where it has one. */
export const imageOf = (image: CriImage): Image => ({
  id: image.repoDigests[0] ?? image.id,
  name: image.repoTags[0] ?? image.repoDigests[0] ?? image.id,
  sizeBytes: image.size,
});
export const userOf = (image: CriImage | undefined): ImageUser => ({
  uid: image?.uid?.value,
  username: image?.username ?? '',
});

/** Source: kubelet images image_manager.go evalCRIPullErr, cri-api pkg/errors. */
function pullError(image: string, failures: readonly unknown[]): RuntimeError {
  const last = failures.at(-1) as Error;
  const texts = [...new Set(failures.map(textOf))];
  const text = texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`;
  const said = grpcCode(last) === undefined ? '' : (last as GrpcError).details;
  for (const [reason, why] of KNOWN_REASONS)
    if (said.startsWith(reason)) return new RuntimeError(reason, `image pull failed for ${image} because ${why}${said.slice(reason.length)}`, { cause: last });
  return new RuntimeError('ErrImagePull', text, { cause: last });
} // prettier-ignore
/** A code that says nothing is left out. Source: cri-client remote_image.go pullImageV1. */
const textOf = (error: unknown): string =>
  grpcCode(error) === 'Unknown' ? (error as GrpcError).details : (error as Error).message;
const KNOWN_REASONS = [
  ['RegistryUnavailable', 'the registry is unavailable'],
  ['SignatureValidationFailed', 'the signature validation failed'],
] as const;
