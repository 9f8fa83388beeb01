import type { FieldSchema, SchemaSet } from './schema.ts';

/** A schema compiled for the decoder: one node a type, references followed, cycles kept lazy. */
export type Plan = ScalarPlan | ListPlan | MapPlan | StructPlan | EitherPlan;
export type ScalarKind =
  | 'string' | 'int32' | 'int64' | 'double' | 'boolean' | 'bytes' | 'time' | 'microTime' | 'quantity' | 'intOrString' | 'raw'; // prettier-ignore
export interface ScalarPlan {
  readonly kind: ScalarKind;
  /** As Go names it in errors. */
  readonly goType: string;
}
export interface ListPlan {
  readonly kind: 'list';
  readonly goType: string;
  readonly items: Plan;
}
export interface MapPlan {
  readonly kind: 'map';
  readonly goType: string;
  readonly values: Plan;
}
/** A type with a decoder of its own, which takes an object or something else: what is unknown below it is nobody's concern. */
export interface EitherPlan {
  readonly kind: 'either';
  readonly goType: string;
  readonly object: () => Plan;
  readonly other: 'boolean' | 'list' | 'strings';
}
export interface StructPlan {
  readonly kind: 'struct';
  readonly goType: string;
  /** Unqualified: `PodSpec`. */
  readonly name: string;
  /** In the order of the Go struct. */
  readonly fields: readonly FieldPlan[];
  readonly byName: ReadonlyMap<string, FieldPlan>;
}
export interface FieldPlan {
  readonly name: string;
  readonly plan: Plan;
  readonly goType: string;
  readonly pointer: boolean;
  readonly always: boolean;
  /** What an absent field that is always printed becomes; undefined for structs, which are built. */
  readonly zero: unknown;
  /** Set when absent or zero: a default beyond Go's zero. */
  readonly default: unknown;
}

const SPECIAL: Readonly<Record<string, ScalarPlan>> = {
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': { kind: 'time', goType: 'v1.Time' },
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': { kind: 'microTime', goType: 'v1.MicroTime' },
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { kind: 'quantity', goType: 'resource.Quantity' },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { kind: 'intOrString', goType: 'intstr.IntOrString' },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': { kind: 'raw', goType: 'v1.JSON' },
};
const EXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.';
const EITHER: Readonly<Record<string, EitherPlan['other']>> = {
  [`${EXTENSIONS}JSONSchemaPropsOrBool`]: 'boolean',
  [`${EXTENSIONS}JSONSchemaPropsOrArray`]: 'list',
  [`${EXTENSIONS}JSONSchemaPropsOrStringArray`]: 'strings',
};
/** Structs without fields, which facts cannot tell from maps of anything. */
const EMPTY_STRUCTS: ReadonlySet<string> = new Set([`${EXTENSIONS}CustomResourceSubresourceStatus`]);
const RAW: ScalarPlan = { kind: 'raw', goType: 'interface {}' };
const ZERO: Readonly<Record<string, unknown>> = {
  string: '', int32: 0, int64: 0, double: 0, boolean: false, quantity: '0', intOrString: 0,
}; // prettier-ignore

const plans = new WeakMap<SchemaSet, Map<string, Plan>>();
const inline = new WeakMap<FieldSchema, Plan>();

/** The plan of a schema; compiled once a definition. `name` is the definition's, when `schema` is one. */
export function planOf(schema: FieldSchema, set: SchemaSet, name?: string): Plan {
  if (schema.ref !== undefined) return planOfRef(schema.ref, set);
  let plan = inline.get(schema);
  if (plan === undefined) inline.set(schema, (plan = build(schema, set, name)));
  return plan;
}
function planOfRef(ref: string, set: SchemaSet): Plan {
  let known = plans.get(set);
  if (known === undefined) plans.set(set, (known = new Map()));
  let plan = known.get(ref);
  if (plan === undefined) {
    const schema = set.definition(ref);
    plan = SPECIAL[ref] ?? either(ref, set) ?? (schema === undefined ? RAW : planOf(schema, set, ref));
    known.set(ref, plan);
  }
  return plan;
}
function either(ref: string, set: SchemaSet): EitherPlan | undefined {
  const other = EITHER[ref];
  const object = (): Plan => planOfRef(`${EXTENSIONS}JSONSchemaProps`, set);
  return other && { kind: 'either', goType: ref.split('.').slice(-2).join('.'), object, other };
}
function build(schema: FieldSchema, set: SchemaSet, name: string | undefined): Plan {
  if (name !== undefined && EMPTY_STRUCTS.has(name)) return struct(schema, {}, set, name);
  if (schema.fields !== undefined) return struct(schema, schema.fields, set, name);
  switch (schema.type) {
    case 'string':
      return schema.format === 'byte' ? { kind: 'bytes', goType: '[]uint8' } : { kind: 'string', goType: 'string' };
    case 'integer':
      return schema.format === 'int32' ? { kind: 'int32', goType: 'int32' } : { kind: 'int64', goType: 'int64' };
    case 'number':
      return { kind: 'double', goType: 'float64' };
    case 'boolean':
      return { kind: 'boolean', goType: 'bool' };
    case 'array': {
      const items = planOf(schema.items ?? {}, set);
      return { kind: 'list', goType: `[]${items.goType}`, items };
    }
    case 'object': {
      if (schema.values === undefined) return { kind: 'raw', goType: 'map[string]interface {}' };
      const values = planOf(schema.values, set);
      return { kind: 'map', goType: `map[string]${values.goType}`, values };
    }
    default:
      return schema.format === 'int-or-string' ? SPECIAL['io.k8s.apimachinery.pkg.util.intstr.IntOrString']! : RAW;
  }
}
/** `io.k8s.api.core.v1.PodSpec` -> `v1.PodSpec`; without a definition the kind tells. */
const goTypeOf = (schema: FieldSchema, name: string | undefined): string => {
  if (name !== undefined) return name.split('.').slice(-2).join('.');
  const gvk = schema.gvks?.[0];
  return gvk === undefined ? 'struct {}' : `${gvk.version}.${gvk.kind}`;
};
function struct(
  schema: FieldSchema,
  fields: Readonly<Record<string, FieldSchema>>,
  set: SchemaSet,
  name: string | undefined,
): StructPlan {
  const goType = goTypeOf(schema, name);
  const list: FieldPlan[] = [];
  const byName = new Map<string, FieldPlan>();
  const plan: StructPlan = {
    kind: 'struct',
    goType,
    name: goType.slice(goType.indexOf('.') + 1),
    fields: list,
    byName,
  };
  // Known before its fields are: definitions refer to themselves.
  inline.set(schema, plan);
  for (const [key, field] of Object.entries(fields)) {
    const inner = planOf(field, set);
    // Only of a pointer is a zero a default of its own.
    const isZero =
      field.default === undefined ||
      inner.kind === 'struct' ||
      (!field.pointer && (field.default === '' || field.default === 0 || field.default === false));
    const entry: FieldPlan = {
      name: key,
      plan: inner,
      goType: field.goType ?? inner.goType,
      pointer: field.pointer ?? false,
      always: field.always ?? false,
      zero: field.pointer ? null : (ZERO[inner.kind] ?? null),
      default: isZero ? undefined : field.default,
    };
    list.push(entry);
    byName.set(key, entry);
  }
  return plan;
}
