/** What a kubelet asks about before it serves a request. Pure. Source: kubelet pkg/server/auth.go. */
const VERBS: Readonly<Record<string, string>> = { POST: 'create', GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' }; // prettier-ignore
/** May do for whom has no right to all of the node. */
const FINE: readonly (readonly [path: string, subresource: string])[] = [
  ['/pods', 'pods'],
  ['/healthz', 'healthz'],
  ['/configz', 'configz'],
  ['/runningpods', 'pods'],
];
const COARSE: readonly (readonly [path: string, subresource: string])[] = [
  ['/stats', 'stats'],
  ['/metrics', 'metrics'],
  ['/logs', 'log'],
  ['/checkpoint', 'checkpoint'],
  ['/statusz', 'statusz'],
  ['/flagz', 'configz'],
];
const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

export interface Asked {
  /** '': one that no right is for. */
  readonly verb: string;
  /** Of nodes; a right to any of them does. */
  readonly subresources: readonly string[];
}
/** `path`: decoded, without its query. */
export function askedOf(method: string, path: string): Asked {
  const among = (paths: typeof FINE): string[] => {
    const found = paths.find(([folder]) => isWithin(path, folder));
    return found === undefined ? [] : [found[1]];
  };
  const coarse = among(COARSE);
  return {
    verb: Object.hasOwn(VERBS, method) ? VERBS[method]! : '',
    subresources: [...among(FINE), ...(coarse.length > 0 ? coarse : ['proxy'])],
  };
}

/** Others are nobody's, and nobody is asked about them. Source: kubelet pkg/server NewServer. */
const PAGES: ReadonlySet<string> = new Set([
  'healthz', 'metrics', 'stats', 'pods', 'runningpods', 'configz', 'run', 'exec', 'attach', 'portForward', 'containerLogs',
  'logs', 'debug', 'checkpoint', 'statusz', 'flagz',
]); // prettier-ignore
const pageOf = (path: string): string => path.split('/', 2)[1] ?? '';
export const isPage = (path: string): boolean => PAGES.has(pageOf(path));

/** Off where `enableDebuggingHandlers` is. Source: InstallDebuggingDisabledHandlers. */
const DEBUGGING: ReadonlySet<string> = new Set(['run', 'exec', 'attach', 'portForward', 'containerLogs', 'runningpods', 'debug', 'logs']); // prettier-ignore
/** They are not there at all then. */
const ONLY_WITH: ReadonlySet<string> = new Set(['configz', 'checkpoint', 'statusz', 'flagz']);
export function offWithoutDebugging(path: string): 'refused' | 'missing' | undefined {
  const page = pageOf(path);
  return DEBUGGING.has(page) ? 'refused' : ONLY_WITH.has(page) ? 'missing' : undefined;
}
/** As requests are counted. Source: getURLRootPath, getMetricBucket, isLongRunningRequest. */
export function bucketOf(path: string): { readonly path: string; readonly isLong: boolean } {
  const [, first = '', second] = path.split('/', 3);
  const root = first === 'metrics' && second !== undefined ? `metrics/${second}` : first;
  const isKnown = PAGES.has(root) || ['metrics/cadvisor', 'metrics/probes', 'metrics/resource'].includes(root);
  return { path: isKnown ? root : 'other', isLong: ['exec', 'attach', 'portforward', 'debug'].includes(root) };
}
