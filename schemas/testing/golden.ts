import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { parseJson } from '../codec/json.ts';
import { adoptAllocated, normalizeAddresses } from '../core/service-linked.ts';
import { fieldPath, type FieldError } from '../meta/field.ts';
import { invalidError } from '../meta/invalid.ts';
import { validateMetadata, validateMetadataUpdate } from '../meta/metadata.ts';
import { apiVersionOf, type DynamicObject } from '../meta/object.ts';
import { ApiError, statusOf } from '../meta/status.ts';
import { fromStorage, toStorage } from '../convert.ts';
import { builtinSchemas, createRegistry } from '../registry.ts';
import type { Resource } from '../resource.ts';
import { applyDefaults } from '../structural/default.ts';
import { canonical, decode } from '../structural/decode.ts';
import { withoutEmpties } from '../structural/empties.ts';

/** Plays writes of recorded scenarios against the schemas alone: decode, default, prepare, validate. */
export const ORACLE = join(import.meta.dirname, '../../../shared/oracle');
export const oracleIsPresent = existsSync(join(ORACLE, 'golden'));

export interface Step {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly type?: string;
  readonly body?: unknown;
  readonly as?: unknown;
  readonly quiet?: boolean;
  /** Only parts of the answer were recorded. */
  readonly keep?: unknown;
  readonly keys?: unknown;
}
export interface Recorded {
  readonly name: string;
  readonly status: number;
  readonly headers: { readonly warning?: string | readonly string[] };
  readonly body: unknown;
}
export function scenario(name: string): { steps: readonly Step[]; recorded: ReadonlyMap<string, Recorded> } {
  const text = readFileSync(join(ORACLE, `suite/${name}.yaml`), 'utf8')
    .replaceAll('${ns}', `${name}-run`)
    .replaceAll('${run}', 'run')
    .replaceAll(/\$\{fill:(\d+)\}/g, (_, n: string) => 'x'.repeat(Number(n)));
  const golden = JSON.parse(readFileSync(join(ORACLE, `golden/${name}.json`), 'utf8').replaceAll('RUN', 'run')) as {
    steps: Recorded[];
  };
  const suite = parse(text) as { steps: Step[] };
  return { steps: suite.steps, recorded: new Map(golden.steps.map((s) => [s.name, s])) };
}
const registry = createRegistry();
const SHAPE =
  /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))(?:\/namespaces\/([^/]+))?\/([^/?]+)(?:\/([^/?]+))?(?:\/([^/?]+))?(?:\?.*)?$/;

export interface Target {
  readonly resource: Resource;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
}
export function targetOf(path: string): Target | undefined {
  const clusterNamespace = /^\/api\/v1\/namespaces(?:\/([^/?]+))?(?:\?.*)?$/.exec(path);
  const m = clusterNamespace
    ? [path, 'v1', undefined, undefined, undefined, 'namespaces', clusterNamespace[1]]
    : SHAPE.exec(path);
  if (!m) return undefined;
  const resource = registry.lookup({ group: m[2] ?? '', version: m[1] ?? m[3]!, resource: m[5]! });
  return resource && { resource, namespace: m[4] ?? '', name: m[6] ?? '', subresource: m[7] ?? '' };
}
const TIME = '2020-01-01T00:00:00Z';

/** The answer that the schemas alone give: an object or a Status. */
export function create(target: Target, body: unknown, strict = false): unknown {
  return attempt(() => {
    const { resource } = target;
    const { definition } = resource;
    let draft = read(resource, body, strict);
    draft.metadata.namespace = target.namespace;
    if (target.namespace === '') delete draft.metadata.namespace;
    draft.metadata.creationTimestamp = TIME;
    draft.metadata.uid = 'uid';
    if (!draft.metadata.name && draft.metadata.generateName)
      draft.metadata.name = `${draft.metadata.generateName}xxxxx`;
    delete draft.metadata.resourceVersion;
    if (resource.kind === 'Service') normalizeAddresses(draft, undefined);
    draft = (definition.prepareForCreate?.(draft) ?? draft) as DynamicObject;
    const errors: FieldError[] = [
      ...validateMetadata(
        draft.metadata,
        { namespaced: resource.namespaced, validateName: definition.validateName },
        fieldPath('metadata'),
      ),
      ...(definition.validate?.(draft, fieldPath()) ?? []),
    ];
    if (errors.length > 0) throw invalidError(resource.group, resource.kind, draft.metadata.name ?? '', errors);
    return finish(resource, draft);
  });
}
export function update(target: Target, body: unknown, old: DynamicObject, strict = false): unknown {
  return attempt(() => {
    const { resource } = target;
    const { definition } = resource;
    let draft = read(resource, body, strict);
    const before = toStorage(resource, structuredClone(old)) as DynamicObject;
    draft.metadata = {
      ...draft.metadata,
      namespace: before.metadata.namespace,
      uid: draft.metadata.uid ?? before.metadata.uid,
      creationTimestamp: before.metadata.creationTimestamp,
      resourceVersion: '1',
    };
    if (before.metadata.generation !== undefined) draft.metadata.generation = before.metadata.generation;
    if (resource.kind === 'Service') {
      adoptAllocated(draft, before);
      normalizeAddresses(draft, before);
    }
    draft = (definition.prepareForUpdate?.(draft, before) ?? draft) as DynamicObject;
    const whole = [...(definition.validate?.(draft, fieldPath(), before) ?? [])];
    const changes = [...(definition.validateUpdate?.(draft, before, fieldPath()) ?? [])];
    const errors: FieldError[] = [
      ...validateMetadataUpdate(
        draft.metadata,
        before.metadata,
        {
          namespaced: resource.namespaced,
          validateName: definition.validateName,
          anyFinalizers: definition.anyFinalizers,
          checks: definition.metadataChecks,
        },
        fieldPath('metadata'),
      ),
      ...(definition.changesFirst ? changes : whole),
      ...(definition.changesFirst ? whole : changes),
    ];
    if (errors.length > 0) throw invalidError(resource.group, resource.kind, draft.metadata.name ?? '', errors);
    return finish(resource, draft);
  });
}
function read(resource: Resource, body: unknown, strict: boolean): DynamicObject {
  const parsed = typeof body === 'string' ? parseJson(body) : { value: body, duplicates: [] };
  const decoded = decode(parsed.value ?? {}, resource.schema, builtinSchemas, {
    kind: resource.kind,
    version: resource.version,
  });
  const problems = [...parsed.duplicates, ...decoded.strict];
  if (strict && problems.length > 0)
    throw new ApiError(
      'BadRequest',
      `${resource.kind} in version ${JSON.stringify(resource.version)} cannot be handled as a ${resource.kind}: strict decoding error: ${problems.join(', ')}`,
    );
  const served = decoded.object;
  served.kind = resource.kind;
  served.apiVersion = apiVersionOf(resource);
  const draft = toStorage(resource, served) as DynamicObject;
  const defaulted = (resource.definition.defaults?.(draft) ?? draft) as DynamicObject;
  return served === draft ? applyDefaults(defaulted, resource.schema, builtinSchemas) : defaulted;
}
const finish = (resource: Resource, draft: DynamicObject): DynamicObject =>
  withoutEmpties(
    canonical(fromStorage(resource, draft), resource.schema, builtinSchemas),
    resource.schema,
    builtinSchemas,
    resource.definition.storedAsJson ? 'print' : 'store',
  );
function attempt(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    const status = statusOf(error);
    if (status === undefined) throw error;
    return status;
  }
}
/** Without what only the pipeline, admission or allocation set. */
export function comparable(value: unknown, sent: unknown): unknown {
  const object = JSON.parse(JSON.stringify(value).replaceAll(/\$uid[#:\w-]*/g, 'uid')) as Record<string, never> & {
    metadata: Record<string, unknown>;
    spec?: Record<string, unknown>;
    kind: string;
  };
  if (object.kind === 'Status') return { ...object, details: withoutCauses(object), causes: causes(object) };
  for (const field of ['uid', 'creationTimestamp', 'managedFields', 'resourceVersion', 'generation', 'name'])
    delete object.metadata[field];
  const given = (sent as { spec?: Record<string, unknown> } | null)?.spec ?? {};
  const { spec } = object;
  if (object.kind === 'Service' && spec) {
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy', 'healthCheckNodePort'])
      delete spec[field];
    for (const port of (spec['ports'] ?? []) as Record<string, unknown>[]) delete port['nodePort'];
  }
  if (object.kind === 'Pod' && spec) stripAdmission(spec, given);
  if (object.kind === 'Node' && spec && given['taints'] === undefined) delete spec['taints'];
  if (object.kind === 'PersistentVolume')
    delete (object['status'] as unknown as Record<string, unknown>)['lastPhaseTransitionTime'];
  const finalizers = object.metadata['finalizers'] as string[] | undefined;
  if (finalizers?.every((f) => f.startsWith('kubernetes.io/p'))) delete object.metadata['finalizers'];
  return JSON.parse(
    JSON.stringify(object)
      .replaceAll(/"\$uid:?[^"]*"/g, '"uid"')
      .replaceAll('"$time"', JSON.stringify(TIME)),
  );
}
const isToken = (v: { name?: string }): boolean => v.name?.startsWith('kube-api-access-') === true;
const drop = (owner: Record<string, unknown>, field: string): void => {
  const kept = ((owner[field] ?? []) as { name?: string }[]).filter((v) => !isToken(v));
  if (kept.length === 0) delete owner[field];
  else owner[field] = kept;
};
function stripAdmission(spec: Record<string, unknown>, given: Record<string, unknown>): void {
  for (const field of [
    'tolerations',
    'priority',
    'preemptionPolicy',
    'serviceAccountName',
    'serviceAccount',
    'nodeName',
  ])
    if (given[field] === undefined) delete spec[field];
  drop(spec, 'volumes');
  for (const list of ['containers', 'initContainers', 'ephemeralContainers'])
    for (const container of (spec[list] ?? []) as Record<string, unknown>[]) drop(container, 'volumeMounts');
}
const withoutCauses = (status: object): unknown => {
  const { causes: _, ...rest } = (status as { details?: Record<string, unknown> }).details ?? {};
  return rest;
};
const causes = (status: object): unknown =>
  ((status as { details?: { causes?: unknown[] } }).details?.causes ?? []).map((c) => JSON.stringify(c)).sort();
