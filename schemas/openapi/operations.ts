import type { Dialect, Json } from './definitions.ts';

/** One path of facts/paths.json. */
export interface PathFact {
  readonly parameters?: readonly string[];
  readonly methods: Readonly<Record<string, OperationFact>>;
}
export interface OperationFact {
  readonly id: string;
  readonly action?: string;
  /** `group|Kind|version`. */
  readonly gvk?: string;
  readonly consumes?: readonly string[];
  readonly produces?: readonly string[];
  readonly parameters?: readonly string[];
  /** Status code to the name of a definition, `string`, or empty. */
  readonly responses: Readonly<Record<string, string>>;
}

const PATCH = 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch';
const DELETE_OPTIONS = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';
const INTEGERS: ReadonlySet<string> = new Set([
  'limit', 'timeoutSeconds', 'gracePeriodSeconds', 'limitBytes', 'sinceSeconds', 'tailLines', 'ports',
]); // prettier-ignore
const BOOLEANS: ReadonlySet<string> = new Set([
  'allowWatchBookmarks', 'sendInitialEvents', 'watch', 'force', 'orphanDependents', 'ignoreStoreReadErrorWithClusterBreakingPotential',
  'stdin', 'stdout', 'stderr', 'tty', 'follow', 'previous', 'timestamps', 'insecureSkipTLSVerifyBackend',
]); // prettier-ignore
const IN_PATH: ReadonlySet<string> = new Set(['name', 'namespace', 'path']);
const CODES: Readonly<Record<string, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted', 401: 'Unauthorized' };
const PURPOSE: Readonly<Record<string, (kind: string) => string>> = {
  get: (kind) => `read the specified ${kind}`,
  list: (kind) => `list or watch objects of kind ${kind}`,
  post: (kind) => `create ${kind}`,
  put: (kind) => `replace the specified ${kind}`,
  patch: (kind) => `partially update the specified ${kind}`,
  delete: (kind) => `delete ${kind}`,
  deletecollection: (kind) => `delete a collection of ${kind}`,
  watch: (kind) => `watch one object of kind ${kind}`,
  watchlist: (kind) => `watch a list of ${kind}`,
  connect: (kind) => `connect to ${kind}`,
};

/** A path with its operations; names of definitions are added to `refs`. */
export function pathObject(path: string, fact: PathFact, dialect: Dialect, refs: Set<string>): Json {
  const out: Json = {};
  for (const [method, operation] of Object.entries(fact.methods))
    out[method] = operationObject(path, method, operation, dialect, refs);
  const parameters = fact.parameters?.filter((name) => name !== 'body').map((name) => parameter(path, name, dialect));
  if (parameters?.length) out['parameters'] = parameters;
  return out;
}

function operationObject(path: string, method: string, fact: OperationFact, dialect: Dialect, refs: Set<string>): Json {
  const isV2 = dialect.version === 2;
  const [group = '', kind = '', version = ''] = (fact.gvk ?? '||').split('|');
  const schema = (name: string): Json => {
    if (name === 'string') return { type: 'string' };
    refs.add(name);
    return { $ref: dialect.prefix + name };
  };
  const responses: Json = {};
  for (const [code, name] of Object.entries(fact.responses)) {
    const response: Json = { description: CODES[code] ?? '' };
    if (name !== '') {
      if (isV2) response['schema'] = schema(name);
      else response['content'] = Object.fromEntries((fact.produces ?? ['*/*']).toSorted().map((type) => [type, { schema: schema(name) }])); // prettier-ignore
    }
    responses[code] = response;
  }
  const names = (fact.parameters ?? []).filter((name) => name !== 'body');
  const parameters: Json[] = names.map((name) => parameter(path, name, dialect));
  const hasBody = fact.parameters?.includes('body') ?? false;
  const body = method === 'patch' ? PATCH : method === 'delete' ? DELETE_OPTIONS : (fact.responses['201'] ?? fact.responses['200'] ?? ''); // prettier-ignore
  const purpose = fact.action === undefined ? undefined : PURPOSE[fact.action]?.(kind);
  const out: Json = { tags: [tagOf(path)], ...(purpose && { description: purpose }), operationId: fact.id };
  if (isV2) {
    Object.assign(out, { consumes: fact.consumes, produces: fact.produces, schemes: ['https'] });
    if (hasBody)
      parameters.unshift({ name: 'body', in: 'body', ...(method !== 'delete' && { required: true }), schema: schema(body) });
  } else if (hasBody) {
    const types = method === 'patch' ? (fact.consumes ?? []) : ['*/*'];
    out['requestBody'] = {
      content: Object.fromEntries(types.toSorted().map((type) => [type, { schema: schema(body) }])),
      ...(method !== 'delete' && { required: true }),
    };
  }
  if (parameters.length > 0) out['parameters'] = parameters;
  out['responses'] = responses;
  if (fact.action !== undefined) out['x-kubernetes-action'] = fact.action;
  if (fact.gvk !== undefined) out['x-kubernetes-group-version-kind'] = { group, kind, version };
  return out;
} // prettier-ignore

function parameter(path: string, name: string, dialect: Dialect): Json {
  const isInPath = IN_PATH.has(name) && path.includes(`{${name}}`);
  const type = {
    type: INTEGERS.has(name) ? 'integer' : BOOLEANS.has(name) ? 'boolean' : 'string',
    uniqueItems: true,
  };
  const place = { name, in: isInPath ? 'path' : 'query', ...(isInPath && { required: true }) };
  return dialect.version === 2 ? { ...place, ...type } : { ...place, schema: type };
}
/** `apps_v1`, `core_v1`, `version`. */
function tagOf(path: string): string {
  const [root = '', group = '', version = ''] = path.split('/').slice(1);
  if (root === 'api') return group === '' ? 'core' : `core_${group}`;
  if (root !== 'apis') return root.replace(/^\./, '').replaceAll('-', '');
  if (group === '') return 'apis';
  const name = group.replace(/\.(authorization\.|apiserver\.)?k8s\.io$/, (_, inner: string | undefined) => inner === undefined ? '' : inner.slice(0, -1).replace(/^./, (c) => c.toUpperCase())); // prettier-ignore
  return version === '' ? name : `${name}_${version}`;
}
