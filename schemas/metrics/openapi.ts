/** OpenAPI documents of `metrics.k8s.io/v1beta1`. Source: k8s.io/metrics pkg/apis/metrics/v1beta1 types.go. */
import { API_VERSION, GROUP, METRICS_RESOURCES, VERSION } from './discovery.ts';

type Schema = Readonly<Record<string, unknown>>;
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const OWN = 'io.k8s.metrics.pkg.apis.metrics.v1beta1';
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const text = (description: string): Schema => ({ type: 'string', description });
const gvk = (kind: string) => ({ 'x-kubernetes-group-version-kind': [{ group: GROUP, kind, version: VERSION }] });

const DURATION = { [`${META}.Duration`]: text('A duration as Go writes it: 1m30s.') };

/** `at`: where references of the document lead. */
function definitions(at: '#/definitions/' | '#/components/schemas/'): Record<string, Schema> {
  const to = (name: string): Schema => ({ $ref: `${at}${name}` });
  const ref = (name: string, description: string, rest: Schema = {}): Schema =>
    at === '#/definitions/' ? { ...to(name), description } : { allOf: [to(name)], description, ...rest };
  const own = {
    apiVersion: text('Version of the schema of this object.'),
    kind: text('Kind of this object.'),
  };
  const usage: Schema = {
    type: 'object',
    description: 'What is used, by resource: cpu in cores on the average over the window, memory in bytes at its end.',
    additionalProperties: to(QUANTITY),
  };
  const measured = {
    ...own,
    metadata: ref(`${META}.ObjectMeta`, 'Name and labels of what is measured, the time of the answer.', {
      default: {},
    }),
    timestamp: ref(`${META}.Time`, 'When the window ended.'),
    window: ref(`${META}.Duration`, 'How long was measured.', { default: 0 }),
  };
  const list = (kind: string): Schema => ({
    type: 'object',
    description: `A list of ${kind}.`,
    required: ['metadata', 'items'],
    properties: {
      ...own,
      metadata: ref(`${META}.ListMeta`, 'Of the list.', { default: {} }),
      items: { type: 'array', description: 'What was measured.', items: to(`${OWN}.${kind}`) },
    },
    ...gvk(`${kind}List`),
  });
  return {
    ...DURATION,
    [`${OWN}.ContainerMetrics`]: {
      type: 'object',
      description: 'What a container uses.',
      required: ['name', 'usage'],
      properties: { name: { ...text('Name of the container.'), default: '' }, usage },
    },
    [`${OWN}.NodeMetrics`]: {
      type: 'object',
      description: 'What a node uses.',
      required: ['timestamp', 'window', 'usage'],
      properties: { ...measured, usage },
      ...gvk('NodeMetrics'),
    },
    [`${OWN}.NodeMetricsList`]: list('NodeMetrics'),
    [`${OWN}.PodMetrics`]: {
      type: 'object',
      description: 'What the containers of a pod use.',
      required: ['timestamp', 'window', 'containers'],
      properties: {
        ...measured,
        containers: { type: 'array', description: 'Those that run.', items: to(`${OWN}.ContainerMetrics`) },
      },
      ...gvk('PodMetrics'),
    },
    [`${OWN}.PodMetricsList`]: list('PodMetrics'),
  };
}
/** What the documents refer to besides. */
const SHARED: Readonly<Record<string, Schema>> = {
  [QUANTITY]: { type: 'string', description: 'A number with a unit: 100m, 64Mi.' },
  [`${META}.Time`]: { type: 'string', format: 'date-time', description: 'A time in RFC 3339.' },
  [`${META}.ListMeta`]: {
    type: 'object',
    description: 'Metadata of a list.',
    properties: { continue: { type: 'string' }, remainingItemCount: { type: 'integer', format: 'int64' }, resourceVersion: { type: 'string' }, selfLink: { type: 'string' } },
  },
  [`${META}.ObjectMeta`]: {
    type: 'object',
    description: 'Metadata of an object.',
    properties: {
      annotations: { type: 'object', additionalProperties: { type: 'string' } },
      creationTimestamp: { type: 'string', format: 'date-time' },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      name: { type: 'string' },
      namespace: { type: 'string' },
      resourceVersion: { type: 'string' },
      uid: { type: 'string' },
    },
  },
}; // prettier-ignore

interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query';
}
function paths(answer: (schema: string) => Schema, parameter: (p: Parameter) => Schema): Record<string, Schema> {
  const operation = (kind: string, action: 'get' | 'list', name: string, of: readonly Parameter[]): Schema => {
    const query: readonly Parameter[] = action === 'list' ? [{ name: 'fieldSelector', in: 'query' }, { name: 'labelSelector', in: 'query' }] : [];
    return {
      get: {
        description: action === 'list' ? `list objects of kind ${kind}` : `read the specified ${kind}`,
        operationId: name,
        tags: ['metrics_v1beta1'],
        responses: { 200: answer(`${OWN}.${kind}${action === 'list' ? 'List' : ''}`), 401: { description: 'Unauthorized' } },
        'x-kubernetes-action': action,
        'x-kubernetes-group-version-kind': { group: GROUP, kind, version: VERSION },
        ...(query.length > 0 && { parameters: query.map(parameter) }),
      },
      ...(of.length > 0 && { parameters: of.map(parameter) }),
    };
  };
  const base = `/apis/${API_VERSION}`;
  const all: Record<string, Schema> = {};
  const name: Parameter = { name: 'name', in: 'path' };
  const namespace: Parameter = { name: 'namespace', in: 'path' };
  for (const { name: resource, kind, namespaced } of METRICS_RESOURCES) {
    const within = namespaced ? 'Namespaced' : '';
    const at = namespaced ? `${base}/namespaces/{namespace}/${resource}` : `${base}/${resource}`;
    const places = namespaced ? [namespace] : [];
    all[at] = operation(kind, 'list', `listMetricsV1beta1${within}${kind}`, places);
    all[`${at}/{name}`] = operation(kind, 'get', `readMetricsV1beta1${within}${kind}`, [name, ...places]);
    if (namespaced) all[`${base}/${resource}`] = operation(kind, 'list', `listMetricsV1beta1${kind}ForAllNamespaces`, []);
  }
  return all;
} // prettier-ignore

const info = { title: 'Kubernetes', version: 'unversioned' };
/** The document that `/openapi/v3/<path>` shows. */
export const V3_PATH = `apis/${API_VERSION}`;
export const openApiV3 = (): object => ({
  openapi: '3.0.0',
  info,
  paths: paths(
    (schema) => ({
      description: 'OK',
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } },
    }),
    (p) => ({ ...p, ...(p.in === 'path' && { required: true }), schema: { type: 'string', uniqueItems: true } }),
  ),
  components: { schemas: { ...definitions('#/components/schemas/'), ...SHARED } },
});
/** To be merged with a document that has what both refer to. */
export const openApiV2 = () => ({
  swagger: '2.0',
  info,
  paths: paths(
    (schema) => ({ description: 'OK', schema: { $ref: `#/definitions/${schema}` } }),
    (p) => ({ ...p, ...(p.in === 'path' && { required: true }), type: 'string', uniqueItems: true }),
  ),
  definitions: definitions('#/definitions/'),
});
