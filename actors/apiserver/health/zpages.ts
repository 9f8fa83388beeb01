import type { World } from '../../../bus/world.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { versionInfo } from '../discovery/version.ts';
import { clauses } from '../doors/https/accept.ts';
import { goJson, prettyJson } from '../../../schemas/codec/go-json.ts';
import { yamlOf } from '../encoding/render.ts';
import type { PathAnswer, PathHandler } from '../request.ts';

const PATHS = ['/flagz', '/healthz', '/livez', '/metrics', '/readyz', '/statusz', '/version'];
const NAME = 'apiserver';
const TYPES = ['application/json', 'application/yaml', 'text/plain'] as const;
const DEPRECATED = 'v1alpha1';
const VERSIONS: readonly string[] = [DEPRECATED, 'v1beta1'];
/** A reader of the text is not to rely on its form, so that changes. */
const DELIMITERS = [':', ': ', '=', ' '];
const WARNING =
  'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.';

interface Wanted {
  readonly type: (typeof TYPES)[number];
  /** Of the object; '' of text. */
  readonly version: string;
}
/**
 * `/statusz` and `/flagz`: what runs here since when, and how it was told to, as text or as objects of config.k8s.io. `flags`: by the
 * names of kube-apiserver's own. Source: apiserver pkg/server/statusz, pkg/server/flagz.
 */
export function createZpages(
  { clock, random }: Pick<World, 'clock' | 'random'>,
  flags: () => Readonly<Record<string, string>>,
): PathHandler {
  const started = Math.floor(clock.now() / 1000) * 1000;
  const status = (): Record<string, unknown> => ({
    startTime: formatTime(started),
    uptimeSeconds: seconds(),
    goVersion: versionInfo.goVersion,
    binaryVersion: versionInfo.gitVersion.slice(1),
    emulationVersion: `${versionInfo.emulationMajor}.${versionInfo.emulationMinor}`,
    paths: PATHS,
  });
  const seconds = (): number => Math.floor((clock.now() - started) / 1000);
  const lines = (between: string): string[] => {
    const two = (n: number): string => String(n).padStart(2, '0');
    const up = seconds();
    const { goVersion, binaryVersion, emulationVersion } = status() as Record<string, string>;
    return [
      '',
      `Started${between} ${unixDate(started)}`,
      `Up${between} ${Math.floor(up / 3600)} hr ${two(Math.floor(up / 60) % 60)} min ${two(up % 60)} sec`,
      `Go version${between} ${goVersion}`,
      `Binary version${between} ${binaryVersion}`,
      `Emulation version${between} ${emulationVersion}`,
      `Paths${between} ${PATHS.join(' ')}`,
    ];
  };
  const sorted = (): [string, string][] => Object.entries(flags()).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const pages = {
    '/statusz': { kind: 'Statusz', lines, object: status },
    '/flagz': {
      kind: 'Flagz',
      lines: (between: string) => sorted().map(([name, value]) => `${name}${between}${value}`),
      object: () => ({ flags: Object.fromEntries(sorted()) }),
    },
  } as const;
  return ({ path, headers, query }): PathAnswer | undefined => {
    if (path !== '/statusz' && path !== '/flagz') return undefined;
    const page = pages[path];
    const { type, version } = negotiate(String(headers['accept'] ?? ''), page.kind);
    if (version === '') {
      const between = DELIMITERS[Math.floor(random() * DELIMITERS.length)]!;
      const text = ['', `${NAME} ${path.slice(1)}`, WARNING, ...page.lines(between), ''].join('\n');
      return { code: 200, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: text };
    }
    const object = {
      kind: page.kind,
      apiVersion: `config.k8s.io/${version}`,
      metadata: { name: NAME },
      ...page.object(),
    };
    const old = `299 - "This version of the ${path.slice(1)} endpoint is deprecated. Please use a newer version."`;
    const pretty = /^(?:1|t|T|true|TRUE|True)$/.test(query.get('pretty') ?? '');
    const json = (): string => (pretty ? prettyJson(object) : `${goJson(object)}\n`);
    return {
      code: 200,
      headers: {
        'Content-Type': `${type};g=config.k8s.io;v=${version};as=${page.kind}`,
        ...(version === DEPRECATED && { Warning: old }),
      },
      body: type === 'application/yaml' ? yamlOf(object) : json(),
    };
  };
}
/** Throws NotAcceptable. An object must be named with its version: without, there is only text. */
function negotiate(accept: string, kind: string): Wanted {
  const text: Wanted = { type: 'text/plain', version: '' };
  if (accept.trim() === '') return text;
  for (const { type, subtype, parameters } of clauses(accept)) {
    const { as = '', g = '', v = '' } = parameters;
    const isNamed = as !== '' || g !== '' || v !== '';
    const isKnown = as === kind && g === 'config.k8s.io' && VERSIONS.includes(v);
    for (const one of TYPES) {
      const [top, sub] = one.split('/');
      if ((type !== '*' && type !== top) || (subtype !== '*' && subtype !== sub)) continue;
      if (one === 'text/plain' ? !isNamed : isKnown) return one === 'text/plain' ? text : { type: one, version: v };
    }
  }
  throw new ApiError('NotAcceptable', `only the following media types are accepted: ${TYPES.join(', ')}`);
}
/** Go's time.UnixDate. */
function unixDate(ms: number): string {
  const [, day, date, month, year, time] = /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(ms).toUTCString())!;
  return `${day} ${month} ${String(Number(date)).padStart(2, ' ')} ${time} UTC ${year}`;
}
