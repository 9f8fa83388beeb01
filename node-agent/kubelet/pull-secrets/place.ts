/** Where credentials are good: a host, whose labels may hold `*` and `?`, and what begins with a path on it. */

/** `https://host:port/v1/path` -> `host:port/path`. undefined: it is no place. */
export function placeOf(location: string): string | undefined {
  const [, rest = ''] = /^(?:https?:\/\/)?(.*)$/s.exec(location) ?? [];
  const [place = ''] = rest.split(/[?#]/, 1);
  const slash = place.indexOf('/');
  const host = slash < 0 ? place : place.slice(0, slash);
  const path = (slash < 0 ? '' : place.slice(slash)).replace(/^\/v[12](?=\/)/, '');
  if (host === '' || /\s/.test(host)) return undefined;
  return path === '/' ? host : host + path;
}
/** Of a repository: a full name without tag. Source: credentialprovider URLsMatch. */
export function covers(place: string, repository: string): boolean {
  const [a, b] = [split(place), split(repository)];
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
export function isOfDefaultRegistry(repository: string): boolean {
  const [first = '', ...others] = repository.split('/');
  if (first === '') return false;
  return others.length === 0 || first === 'docker.io' || first === DEFAULT_REGISTRY || !/[.:]/.test(first);
}
export const DEFAULT_REGISTRY = 'index.docker.io';
