/** What expressions of policies and match conditions may speak of. Source: apiserver pkg/admission/plugin/cel/compile.go. */
import {
  celEnvironment,
  type CelDeclared,
  type CelEnvironment,
  type CelField,
  type CelType,
} from '../../../../schemas/cel/index.ts';

const scalar = (kind: 'bool' | 'int' | 'string' | 'timestamp' | 'dyn'): CelDeclared => ({ type: { kind }, minSize: 1 });
const [STRING, BOOL, INT, TIMESTAMP, DYN] = [
  scalar('string'),
  scalar('bool'),
  scalar('int'),
  scalar('timestamp'),
  scalar('dyn'),
];
const listOf = (element: CelDeclared): CelDeclared => ({
  type: { kind: 'list', element: element.type },
  minSize: 2,
  element,
});
const mapOf = (element: CelDeclared): CelDeclared => ({
  type: { kind: 'map', key: STRING.type, value: element.type },
  minSize: 2,
  key: STRING,
  element,
});
const objectOf = (name: string, fields: Readonly<Record<string, CelDeclared>>): CelDeclared => ({
  type: { kind: 'object', name },
  minSize: 2,
  fields: new Map(
    Object.entries(fields).map(([field, declared]): [string, CelField] => [field, { name: field, declared }]),
  ),
});
const kindType = objectOf('kubernetes.GroupVersionKind', { group: STRING, version: STRING, kind: STRING });
const resourceType = objectOf('kubernetes.GroupVersionResource', { group: STRING, version: STRING, resource: STRING });
const REQUEST = objectOf('kubernetes.AdmissionRequest', {
  kind: kindType,
  resource: resourceType,
  subResource: STRING,
  requestKind: kindType,
  requestResource: resourceType,
  requestSubResource: STRING,
  name: STRING,
  namespace: STRING,
  operation: STRING,
  userInfo: objectOf('kubernetes.UserInfo', {
    username: STRING,
    uid: STRING,
    groups: listOf(STRING),
    extra: mapOf(listOf(STRING)),
  }),
  dryRun: BOOL,
  options: DYN,
});
const NAMESPACE = objectOf('kubernetes.Namespace', {
  metadata: objectOf('kubernetes.NamespaceMetadata', {
    name: STRING, generateName: STRING, namespace: STRING, labels: mapOf(STRING), annotations: mapOf(STRING), UID: STRING,
    creationTimestamp: TIMESTAMP, deletionGracePeriodSeconds: INT, deletionTimestamp: TIMESTAMP, generation: INT,
    resourceVersion: STRING, finalizers: listOf(STRING),
  }),
  spec: objectOf('kubernetes.NamespaceSpec', { finalizers: listOf(STRING) }),
  status: objectOf('kubernetes.NamespaceStatus', {
    conditions: listOf(objectOf('kubernetes.NamespaceCondition', { status: STRING, type: STRING, lastTransitionTime: TIMESTAMP, message: STRING, reason: STRING })),
    phase: STRING,
  }),
}); // prettier-ignore
const named = (name: string): CelDeclared => ({ type: { kind: 'object', name }, minSize: 1 });
/** Objects made in expressions have whatever fields they are given. */
const ANY_FIELDS = {
  get: (name: string): CelField => ({ name, declared: DYN }),
  values: () => [],
} as unknown as ReadonlyMap<string, CelField>;
const JSON_PATCH = objectOf('JSONPatch', { op: STRING, path: STRING, from: STRING, value: DYN });

export interface Speaks {
  readonly hasParams: boolean;
  readonly hasAuthorizer: boolean;
  /** `Object{}` and `JSONPatch{}` may be made. */
  readonly makesPatches?: boolean;
}
/** `variables`: by name, of those declared before. */
export function admissionEnvironment(speaks: Speaks, variables?: ReadonlyMap<string, CelType>): CelEnvironment {
  const env = celEnvironment({
    variables: {
      object: DYN,
      oldObject: DYN,
      namespaceObject: NAMESPACE,
      request: REQUEST,
      ...(speaks.hasParams && { params: DYN }),
      ...(speaks.hasAuthorizer && {
        authorizer: named('kubernetes.authorization.Authorizer'),
        'authorizer.requestResource': named('kubernetes.authorization.ResourceCheck'),
      }),
      ...(variables && { variables: objectOf('kubernetes.variables', Object.fromEntries([...variables].map(([name, type]) => [name, { type, minSize: 1 }]))) }),
    },
    ...(speaks.makesPatches === true && { types: [JSON_PATCH] }),
  });
  if (speaks.makesPatches !== true) return env;
  const dynamic = (name: string): CelDeclared | undefined =>
    name === 'Object' || name.startsWith('Object.') ? { ...named(name), fields: ANY_FIELDS } : undefined;
  const types = new Map(env.types);
  return {
    ...env,
    types: Object.assign(types, { get: (name: string) => Map.prototype.get.call(env.types, name) ?? dynamic(name) }) as typeof env.types,
    field: (type, field) => (dynamic(type) === undefined ? env.field(type, field) : DYN.type),
  };
} // prettier-ignore
