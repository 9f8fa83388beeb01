/** Definitions as operators bring them: some fifty fields each, described, with columns, a status and rules. */
type Json = Record<string, unknown>;

/** Kinds of one group; every tenth kind has two versions. */
const A_GROUP = 20;
const text = (description: string, more: Json = {}): Json => ({ description, type: 'string', ...more });
const integer = (description: string, more: Json = {}): Json => ({
  description, type: 'integer', format: 'int32', ...more,
}); // prettier-ignore
const flag = (description: string, more: Json = {}): Json => ({ description, type: 'boolean', ...more });
const object = (description: string, properties: Json, more: Json = {}): Json => ({
  description, type: 'object', properties, ...more,
}); // prettier-ignore
const list = (description: string, items: Json, more: Json = {}): Json => ({
  description, type: 'array', items, ...more,
}); // prettier-ignore
const map = (description: string, values: Json = { type: 'string' }): Json => ({
  description, type: 'object', additionalProperties: values,
}); // prettier-ignore

const reference = (what: string): Json =>
  object(`${what}, by its name and, if it is not the same one, its namespace.`, {
    name: text('The name of what is referred to.', { minLength: 1, maxLength: 253 }),
    namespace: text('The namespace of what is referred to; that of the object if it is left out.'),
    key: text('The key within, if one of several is meant.'),
  }, { required: ['name'] }); // prettier-ignore
const quantities = (what: string): Json =>
  map(`How much of each resource ${what}.`, {
    anyOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
    pattern: '^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$',
  }); // prettier-ignore

const spec = (isNewer: boolean): Json =>
  object('What is wanted of it.', {
    minReplicas: integer('How many replicas there are at the least.', { minimum: 0, default: 1 }),
    maxReplicas: integer('How many replicas there are at the most.', { minimum: 1, default: 10 }),
    image: text('The image that each replica runs, with its tag or digest.', { maxLength: 1024 }),
    imagePullPolicy: text('When the image is pulled.', { enum: ['Always', 'IfNotPresent', 'Never'] }),
    paused: flag('Nothing is changed while this is set.', { default: false }),
    mode: text('How replicas are replaced.', { enum: ['Rolling', 'Recreate', 'Manual'], default: 'Rolling' }),
    interval: text('How often the state is looked at.', { pattern: '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$' }),
    storageClass: text('The class of the volumes; it stays what it was at first.', { maxLength: 253 }),
    env: list('Variables of the environment.', object('One variable.', {
      name: text('The name of the variable.', { maxLength: 128 }),
      value: text('Its value.', { maxLength: 4096 }),
      secretKeyRef: reference('A secret that holds the value'),
      configMapKeyRef: reference('A config map that holds the value'),
    }, { required: ['name'] }), { maxItems: 64, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }),
    resources: object('What each replica needs.', { limits: quantities('may be used'), requests: quantities('is set aside') }),
    labels: map('Labels of everything that is made.'),
    annotations: map('Annotations of everything that is made.'),
    selector: object('What belongs to it.', {
      matchLabels: map('Labels with the values that they must have.'),
      matchExpressions: list('Further conditions.', object('One condition.', {
        key: text('The label that it speaks of.'),
        operator: text('In, NotIn, Exists or DoesNotExist.'),
        values: list('The values that are meant.', { type: 'string' }, { 'x-kubernetes-list-type': 'atomic' }),
      }, { required: ['key', 'operator'] }), { 'x-kubernetes-list-type': 'atomic' }),
    }, { 'x-kubernetes-map-type': 'atomic' }),
    tolerations: list('Taints that do not matter.', object('One taint, or many alike.', {
      key: text('The key of the taint.'),
      operator: text('Exists or Equal.'),
      value: text('The value of the taint.'),
      effect: text('What the taint does.'),
      tolerationSeconds: { description: 'For how long it is borne.', type: 'integer', format: 'int64' },
    }), { maxItems: 32 }),
    backup: object('When and whereto copies are made.', {
      schedule: text('As cron has it.', { maxLength: 128 }),
      retention: integer('How many copies are kept.', { minimum: 1, maximum: 100 }),
      bucket: text('Where they are kept.'),
      credentials: reference('Who may write there'),
      ...(isNewer && { compression: text('How copies are made smaller.', { enum: ['none', 'gzip', 'zstd'] }) }),
    }),
    template: { description: 'Anything else.', type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  }, {
    required: ['image'],
    'x-kubernetes-validations': [
      { rule: 'self.minReplicas <= self.maxReplicas', message: 'there must not be more at the least than at the most' },
      { rule: '!has(oldSelf.storageClass) || (has(self.storageClass) && self.storageClass == oldSelf.storageClass)', message: 'the class stays what it was' },
    ],
  }); // prettier-ignore
const STATUS = object('What has become of it.', {
  observedGeneration: { description: 'What was looked at last.', type: 'integer', format: 'int64' },
  phase: text('In a word.', { enum: ['Pending', 'Ready', 'Failed'] }),
  replicas: integer('How many replicas there are.'),
  readyReplicas: integer('How many of them are ready.'),
  selector: text('What belongs to it, in one text.'),
  conditions: list('In detail.', object('One condition.', {
    type: text('What it is about.', { maxLength: 316, pattern: '^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$' }),
    status: text('Whether it is so.', { enum: ['True', 'False', 'Unknown'] }),
    reason: text('Why, in a word.', { maxLength: 1024, minLength: 1 }),
    message: text('Why, for people.', { maxLength: 32768 }),
    lastTransitionTime: text('Since when.', { format: 'date-time' }),
    observedGeneration: { description: 'As of which generation.', type: 'integer', format: 'int64', minimum: 0 },
  }, { required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'] }), { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] }),
}); // prettier-ignore

const version = (name: string, isStorage: boolean): Json => ({
  name,
  served: true,
  storage: isStorage,
  subresources: { status: {}, scale: { specReplicasPath: '.spec.minReplicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' } },
  additionalPrinterColumns: [
    { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
    { name: 'Ready', type: 'integer', jsonPath: '.status.readyReplicas' },
    { name: 'Image', type: 'string', jsonPath: '.spec.image', priority: 1 },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
  schema: {
    openAPIV3Schema: object('One of many kinds that operators bring.', {
      apiVersion: text('The version of the schema.'),
      kind: text('The kind of the object.'),
      metadata: { type: 'object' },
      spec: spec(isStorage),
      status: STATUS,
    }, { required: ['spec'] }),
  },
}); // prettier-ignore

export interface Definition {
  readonly name: string;
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
  /** Oldest first; the last one is stored. */
  readonly versions: readonly string[];
  readonly body: Json;
}
/** The definition of a number; `salt` keeps runs on one server apart. */
export function definitionOf(i: number, salt = 'bench'): Definition {
  const group = `g${Math.floor(i / A_GROUP)}.${salt}.example.com`;
  const [plural, kind] = [`things${i}`, `Thing${i}`];
  const versions = i % 10 === 9 ? ['v1beta1', 'v1'] : ['v1'];
  return {
    name: `${plural}.${group}`, group, plural, kind, versions,
    body: {
      apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `${plural}.${group}` },
      spec: {
        group, scope: 'Namespaced', names: { plural, singular: `thing${i}`, kind, listKind: `${kind}List`, shortNames: [`t${i}`], categories: ['all-things'] },
        versions: versions.map((name) => version(name, name === 'v1')),
      },
    },
  }; // prettier-ignore
}
/** An object of a definition as users write it. */
export const objectOf = ({ group, kind }: Definition, name: string): Json => ({
  apiVersion: `${group}/v1`,
  kind,
  metadata: { name, labels: { app: 'bench', tier: name.slice(0, 3) } },
  spec: {
    image: 'registry.example.com/team/thing:v1.2.3',
    minReplicas: 2,
    maxReplicas: 5,
    interval: '1m30s',
    storageClass: 'fast',
    env: [
      { name: 'LEVEL', value: 'info' },
      { name: 'TOKEN', secretKeyRef: { name: 'token', key: 'value' } },
    ],
    resources: { limits: { cpu: '500m', memory: '128Mi' }, requests: { cpu: 1 } },
    labels: { app: 'thing' },
    selector: { matchLabels: { app: 'thing' } },
    tolerations: [{ key: 'dedicated', operator: 'Exists', effect: 'NoSchedule' }],
    backup: { schedule: '0 3 * * *', retention: 7, bucket: 'copies' },
    template: { anything: { goes: [1, 2, 3] } },
  },
});
