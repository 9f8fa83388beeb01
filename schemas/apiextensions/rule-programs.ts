import {
  CelCompileError, celEnvironment, compileSteps, declaredBySchema, instantiationProblem,
  type CelDeclared, type CelEnvironment, type CelProgram,
} from '../cel/index.ts'; // prettier-ignore
import type { JSONSchemaProps, ValidationRule } from '../generated/apiextensions-v1.ts';
import { schemaOf } from '../structural/custom-values.ts';
import type { Steps } from '../helpers/steps.ts';
import { fieldAt } from './field-path.ts';

/** A rule made ready. */
export interface RuleProgram {
  readonly rule: ValidationRule;
  /** Undefined of empty rules, and where there is a problem. */
  readonly program?: CelProgram;
  readonly problem?: string;
  readonly message?: CelProgram;
  /** Whether it speaks of the old value: it is then for updates only. */
  readonly isTransition: boolean;
  /** Of `fieldPath`, as it is appended to the place of the rule. */
  readonly place?: string;
}
/** The rules of a schema and of all within it; undefined parts have none. */
export interface RuleNode {
  readonly schema: JSONSchemaProps;
  readonly declared: CelDeclared | undefined;
  readonly rules: readonly RuleProgram[];
  readonly allOf: readonly RuleNode[];
  readonly items?: RuleNode;
  readonly others?: RuleNode;
  readonly properties: ReadonlyMap<string, RuleNode>;
}
/** Names of the types of what rules speak of are nothing that rules could name. */
const SELF = 'selfType';

/** Source: apiextensions-apiserver pkg/apiserver/schema/cel/validation.go NewValidator. */
export const rulesOf = (schema: JSONSchemaProps): Steps<RuleNode | undefined> =>
  nodeOf(schema, schema, declaredBySchema(schema, SELF, true));

/** `rules` is where rules stand: the schema itself, or one in its `allOf`. */
function* nodeOf(
  rules: JSONSchemaProps,
  schema: JSONSchemaProps,
  declared: CelDeclared | undefined,
): Steps<RuleNode | undefined> {
  const [ruledItems, items] = [schemaOf(rules.items), schemaOf(schema.items)];
  const [ruledOthers, others] = [schemaOf(rules.additionalProperties), schemaOf(schema.additionalProperties)];
  const inItems = ruledItems && items && (yield* nodeOf(ruledItems, items, declared?.element));
  const inOthers = ruledOthers && others && (yield* nodeOf(ruledOthers, others, declared?.element));
  const inAllOf: RuleNode[] = [];
  for (const one of rules.allOf ?? []) {
    const node = yield* nodeOf(one, schema, declared);
    if (node) inAllOf.push(node);
  }
  const node: RuleNode = {
    schema,
    declared,
    rules: yield* programsOf(rules['x-kubernetes-validations'] ?? [], schema, declared),
    allOf: inAllOf,
    properties: yield* propertiesOf(rules, schema, declared),
    ...(inItems && { items: inItems }),
    ...(inOthers && { others: inOthers }),
  };
  const { rules: own, allOf, properties } = node;
  return own.length > 0 || allOf.length > 0 || properties.size > 0 || inItems || inOthers ? node : undefined;
}
function* propertiesOf(
  rules: JSONSchemaProps,
  schema: JSONSchemaProps,
  declared: CelDeclared | undefined,
): Steps<ReadonlyMap<string, RuleNode>> {
  const found = new Map<string, RuleNode>();
  const fields = new Map([...(declared?.fields?.values() ?? [])].map((field) => [field.name, field.declared]));
  for (const [name, ruled] of Object.entries(rules.properties ?? {})) {
    const property = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    if (property === undefined) continue;
    const isResource = property['x-kubernetes-embedded-resource'] === true;
    // Names that expressions cannot say have rules too.
    const of = fields.get(name) ?? declaredBySchema(property, `${SELF}.${name}`, isResource);
    const node = declared && of && (yield* nodeOf(ruled, property, of));
    if (node) found.set(name, node);
  }
  return found;
}
const NO_TYPE = 'failed to convert to declType for CEL validation rules';
function* programsOf(
  rules: readonly ValidationRule[],
  schema: JSONSchemaProps,
  declared: CelDeclared | undefined,
): Steps<readonly RuleProgram[]> {
  if (rules.length === 0) return [];
  // Said once, for all rules there.
  if (declared === undefined)
    return [{ rule: rules[0]!, isTransition: false, problem: `rule compiler initialization error: ${NO_TYPE}` }];
  const plain = celEnvironment({ variables: { self: declared, oldSelf: declared } });
  const optional: CelDeclared = { ...declared, type: { kind: 'optional', value: declared.type } };
  const withOptional = rules.some(({ optionalOldSelf }) => optionalOldSelf)
    ? celEnvironment({ variables: { self: declared, oldSelf: optional } })
    : plain;
  const out: RuleProgram[] = [];
  for (const rule of rules) {
    out.push(yield* programOf(rule, schema, rule.optionalOldSelf ? withOptional : plain));
    yield;
  }
  return out;
}
function* programOf(rule: ValidationRule, schema: JSONSchemaProps, environment: CelEnvironment): Steps<RuleProgram> {
  if (rule.rule.trim() === '') return { rule, isTransition: false };
  const made = yield* make(rule.rule, environment, 'bool', 'cel expression must evaluate to a bool');
  if (typeof made === 'string') return { rule, isTransition: false, problem: `rule compile error: ${made}` };
  const message = rule.messageExpression ? yield* make(rule.messageExpression, environment, 'string', '') : undefined;
  const found = rule.fieldPath ? fieldAt(rule.fieldPath, schema) : undefined;
  return {
    rule,
    program: made,
    isTransition: made.uses.has('oldSelf'),
    ...(typeof message === 'object' && { message }),
    ...(found && found.why === undefined && { place: placeOf(found.steps, schema) }),
  };
}
function* make(
  source: string,
  environment: CelEnvironment,
  kind: 'bool' | 'string',
  otherwise: string,
): Steps<CelProgram | string> {
  try {
    const program = yield* compileSteps(source, environment);
    if (program.type.kind !== kind) return otherwise;
    const problem = instantiationProblem(program);
    return problem === undefined ? program : `program instantiation failed: ${problem}`;
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return `compilation failed: ${error.message}`;
  }
}
/** Fields by name, keys of maps in brackets. */
function placeOf(steps: readonly string[], schema: JSONSchemaProps): string {
  let place = '';
  let at: JSONSchemaProps | undefined = schema;
  for (const step of steps) {
    const isField: boolean = Object.keys(at?.properties ?? {}).length > 0;
    place += isField ? `${place === '' ? '' : '.'}${step}` : `[${step}]`;
    at = isField ? at?.properties?.[step] : schemaOf(at?.additionalProperties);
  }
  return place;
}
