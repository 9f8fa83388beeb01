import type { Container, Pod, VolumeMount } from '../../../schemas/generated/core-v1.ts';
import { NotUnderstood } from './shell-syntax.ts';

/** Whose files one asks for. */
export interface Whose {
  /** The container's. */
  readonly id: string;
  readonly pod: Pod;
  readonly container: Container;
}
/** Where nothing is but what commands have put there; elsewhere an image may have anything. */
const EMPTY_AT_FIRST = /^\/(?:tmp|var\/tmp|run|dev)\//;

/**
 * The files that understood commands of a node's containers have left: in a container, in an emptyDir of its pod or in a
 * folder of the node.
 */
export class Files {
  /** By whose they are, then by path. */
  private readonly texts = new Map<string, Map<string, string>>();

  /** undefined: there is none, as far as is known. */
  find(whose: Whose, path: string): string | undefined {
    const place = placeOf(whose, path);
    return place && this.texts.get(place.owner)?.get(place.file);
  }
  /** The same, where it is certain. `isAll`: nobody writes there whose command is not understood. */
  read(whose: Whose, path: string, isAll: boolean): string | undefined {
    const place = placeOf(whose, path);
    const text = this.find(whose, path);
    const isKnown = isAll && place && (place.owner !== whose.id || EMPTY_AT_FIRST.test(path));
    if (text === undefined && !isKnown) throw new NotUnderstood(path);
    return text;
  }
  /** `undefined` removes it; what goes to a volume of another kind is not kept. */
  write(whose: Whose, path: string, text: string | undefined): void {
    const place = placeOf(whose, path);
    if (!place) return;
    const own = this.texts.get(place.owner) ?? new Map<string, string>();
    this.texts.set(place.owner, own);
    if (text === undefined) own.delete(place.file);
    else own.set(place.file, text);
  }
  /** Of a container by its id, of a pod by its uid. */
  forget(owner: string): void {
    this.texts.delete(owner);
  }
}
function placeOf(
  { id, pod, container }: Whose,
  path: string,
): { readonly owner: string; readonly file: string } | undefined {
  let best: VolumeMount | undefined;
  for (const mount of container.volumeMounts ?? []) {
    const isIn = path.startsWith(`${mount.mountPath.replace(/\/$/, '')}/`);
    if (isIn && mount.mountPath.length > (best?.mountPath.length ?? 0)) best = mount;
  }
  if (!best) return { owner: id, file: path };
  const rest = [best.subPath ?? '', path.slice(best.mountPath.length)].join('/').replaceAll(/\/+/g, '/');
  const volume = pod.spec?.volumes?.find(({ name }) => name === best.name);
  if (volume?.emptyDir) return { owner: pod.metadata.uid!, file: `${best.name}/${rest}` };
  if (volume?.hostPath) return { owner: '', file: `${volume.hostPath.path}/${rest}`.replaceAll(/\/+/g, '/') };
  return undefined;
}
