import { RuntimeError } from './interface.ts';

const REFERENCE =
  /^(?:(?:[a-zA-Z0-9.-]+(?::\d+)?|\[[0-9a-fA-F:]+\](?::\d+)?)\/)?[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$/;

/** As containerd names it: `nginx` -> `docker.io/library/nginx:latest`. Throws InvalidImageName. */
export function fullName(image: string): string {
  if (!REFERENCE.test(image))
    throw new RuntimeError(
      'InvalidImageName',
      `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`,
    );
  const slash = image.indexOf('/');
  const head = slash < 0 ? '' : image.slice(0, slash);
  const hasHost = head.includes('.') || head.includes(':') || head === 'localhost';
  const named = hasHost ? image : slash < 0 ? `docker.io/library/${image}` : `docker.io/${image}`;
  const last = named.slice(named.lastIndexOf('/'));
  return last.includes(':') || last.includes('@') ? named : `${named}:latest`;
}
