import { fromStorage } from '../../../schemas/convert.ts';
import { checkFields, parseFieldSelector, type FieldSelector } from '../../../schemas/meta/field-selectors.ts';
import { parseLabelSelector, SelectorError, type Selector } from '../../../schemas/meta/selectors.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { storageKey, type Resource } from '../../../schemas/resource.ts';
import type { Core, ResourceRequest } from '../core.ts';
import type { Entry } from '../watch-cache/entry.ts';
import type { WatchScope } from '../watch-cache/watchers.ts';

/** What a list, watch or collection delete is about. */
export interface Selection {
  /** Of the keys: a namespace, or all of the resource. */
  readonly prefix: string;
  readonly scope: WatchScope;
}
const plain = new Map<string, Selection>();
const NODE = 'spec.nodeName';

/** Throws BadRequest on selectors that cannot be parsed or that the resource does not have. */
export function selectionOf(_core: Core, request: ResourceRequest): Selection {
  const { resource, info, query } = request;
  const namespace = resource.namespaced ? info.namespace : '';
  const prefix = namespace === '' ? resource.storagePrefix : `${resource.storagePrefix}${namespace}/`;
  const labels = query.get('labelSelector') ?? '';
  const fields = query.get('fieldSelector') ?? '';
  if (labels === '' && fields === '') return everything(prefix);
  const label = attempt(() => parseLabelSelector(labels));
  const field = attempt(() => {
    const parsed = parseFieldSelector(fields);
    checkFields(parsed, (name) => getterOf(resource, name) !== undefined, styleOf(resource));
    return parsed;
  });
  if (label.empty && field.empty) return everything(prefix);
  return { prefix, scope: scopeOf(resource, prefix, namespace, label, field) };
}
function everything(prefix: string): Selection {
  let known = plain.get(prefix);
  if (known === undefined) {
    known = { prefix, scope: { id: prefix, prefix } };
    if (plain.size > 1000) plain.clear();
    plain.set(prefix, known);
  }
  return known;
}
function attempt<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SelectorError) throw new ApiError('BadRequest', error.message, { cause: error });
    throw error;
  }
}
/** Kinds with conversion functions of their own for field labels word the refusal shorter. */
const styleOf = ({ definition }: Resource): 'own' | 'generic' | ((field: string) => string) =>
  definition.unknownField ?? (definition.selectableFields !== undefined ? 'own' : 'generic');

type Getter = (object: KubeObject) => string;
function getterOf(resource: Resource, field: string): Getter | undefined {
  if (field === 'metadata.name') return (o) => o.metadata.name ?? '';
  if (field === 'metadata.namespace') return (o) => o.metadata.namespace ?? '';
  const known = resource.definition.selectableFields;
  return known && Object.hasOwn(known, field) ? known[field] : undefined;
}

function scopeOf(
  resource: Resource,
  prefix: string,
  namespace: string,
  label: Selector,
  field: FieldSelector,
): WatchScope {
  const name = field.requires('metadata.name');
  const one = name !== undefined && (namespace !== '' || !resource.namespaced);
  const nodeName = field.requires(NODE);
  const terms = field.terms.filter((t) => !(one && t.field === 'metadata.name' && !t.negated && t.value === name));
  const tests = terms.map((term) => {
    const get = getterOf(resource, term.field)!;
    return (object: KubeObject): boolean => (get(object) === term.value) !== term.negated;
  });
  const { conversions, custom } = resource.definition;
  const served = !conversions && !custom;
  const matches = (entry: Entry): boolean => {
    if (nodeName !== undefined && !entry.key.startsWith(prefix)) return false;
    const object = entry.object;
    if (!label.matches(object.metadata.labels)) return false;
    if (tests.length === 0) return true;
    const seen = served ? object : fromStorage(resource, object);
    for (const test of tests) if (!test(seen)) return false;
    return true;
  };
  return {
    id: `${prefix} ${resource.group}/${resource.version} ${label.toString()} ${field.toString()}`,
    prefix,
    ...(one && { key: storageKey(resource, namespace, name) }),
    ...(nodeName !== undefined && { nodeName }),
    ...((!label.empty || tests.length > 0) && { matches }),
  };
}
