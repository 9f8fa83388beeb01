import type { StorageClass } from '../../../schemas/generated/storage-v1.ts';

const MARKS = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'];
export const isDefaultClass = ({ metadata }: StorageClass): boolean =>
  MARKS.some((mark) => metadata.annotations?.[mark] === 'true');

/** Name of the class for claims that name none: of several the newest, of equally new ones the first by name. Source: GetDefaultClass. */
export function defaultClassOf(classes: Iterable<StorageClass>): string | undefined {
  let best: StorageClass | undefined;
  for (const each of classes) if (isDefaultClass(each) && (best === undefined || isBefore(each, best))) best = each;
  return best?.metadata.name;
}
function isBefore(a: StorageClass, b: StorageClass): boolean {
  const [x, y] = [a, b].map(({ metadata }) => Date.parse(metadata.creationTimestamp ?? ''));
  return x === y ? a.metadata.name! < b.metadata.name! : x! > y!;
}
