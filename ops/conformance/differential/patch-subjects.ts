import type { Json } from './mutate.ts';
import type { Shape } from './shapes.ts';

type JsonObject = { [key: string]: Json };
/** An object that patches are tried on. */
export interface Subject {
  readonly path: string;
  readonly name: string;
  readonly object: JsonObject;
  /** Status and scale, as far as the kind has them. */
  readonly subresources: readonly string[];
  /** Of a custom kind, which the facts do not know. */
  readonly shape?: Shape;
}
const subject = (apiVersion: string, kind: string, plural: string, more: JsonObject, subresources: readonly string[] = [], namespace = '/namespaces/patched', metadata: JsonObject = {}): Subject => ({
  path: `${apiVersion.includes('/') ? '/apis' : '/api'}/${apiVersion}${namespace}/${plural}`,
  name: 'subject',
  object: { apiVersion, kind, metadata: { name: 'subject', labels: { app: 'x' }, ...metadata }, ...more },
  subresources,
}); // prettier-ignore

const selector = { matchLabels: { app: 'x' } };
const template = {
  metadata: { labels: { app: 'x', tier: 'y' } },
  spec: {
    containers: [
      { name: 'a', image: 'a:1', ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'UDP', name: 'dns' }], env: [{ name: 'A', value: '1' }, { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }], volumeMounts: [{ name: 'v', mountPath: '/v' }], resources: { limits: { cpu: '1' }, requests: { cpu: '100m' } } },
      { name: 'b', image: 'b:1', command: ['run', 'fast'] },
    ],
    volumes: [{ name: 'v', emptyDir: {} }, { name: 'w', configMap: { name: 'w' } }],
    tolerations: [{ key: 'k', operator: 'Exists' }],
    imagePullSecrets: [{ name: 'p' }],
    hostAliases: [{ ip: '10.0.0.1', hostnames: ['h'] }],
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: selector }],
  },
} satisfies JsonObject; // prettier-ignore
const workload = (spec: JsonObject): JsonObject => ({ spec: { selector, template, ...spec } });

export const THING = 'things.patched.example.com';
const thing: JsonObject = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        name: { type: 'string', default: 'unnamed' },
        size: { type: 'integer' },
        ratio: { type: 'number' },
        set: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
        numbers: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'integer' } },
        plain: { type: 'array', items: { type: 'string' } },
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['port', 'protocol'],
          items: { type: 'object', required: ['port'], properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' }, note: { type: 'string' } } },
        },
        whole: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { a: { type: 'string' }, b: { type: 'string' } } },
        labels: { type: 'object', additionalProperties: { type: 'string' } },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        maybe: { type: 'object', nullable: true, properties: { x: { type: 'string', nullable: true } } },
        amount: { 'x-kubernetes-int-or-string': true },
      },
    },
    status: { type: 'object', properties: { phase: { type: 'string' }, replicas: { type: 'integer' } } },
  },
}; // prettier-ignore
export const definitionOfThing: JsonObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: THING },
  spec: {
    group: 'patched.example.com',
    scope: 'Namespaced',
    names: { plural: 'things', kind: 'Thing' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: thing },
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.replicas' },
        },
      },
    ],
  },
};
/** A CRD's schema as the facts have those of built-in kinds. */
function shapeOf(schema: JsonObject): Shape {
  const fields = schema['properties'] as { [name: string]: JsonObject } | undefined;
  const items = schema['items'] as JsonObject | undefined;
  const values = schema['additionalProperties'] as JsonObject | undefined;
  return {
    ...(typeof schema['type'] === 'string' && { type: schema['type'] }),
    ...(schema['x-kubernetes-int-or-string'] === true && { format: 'int-or-string' }),
    ...(fields && { fields: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, shapeOf(field)])) }),
    ...(items && { items: shapeOf(items) }),
    ...(values && { values: shapeOf(values) }),
    ...(typeof schema['x-kubernetes-list-type'] === 'string' && { listType: schema['x-kubernetes-list-type'] }),
    ...(schema['x-kubernetes-list-map-keys'] && { listMapKeys: schema['x-kubernetes-list-map-keys'] as string[] }),
  };
} // prettier-ignore
const META = { ref: 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' };

/** One of each way in which kinds are patched: maps, lists with one key and with two, sets, whole lists, raw JSON. */
export const SUBJECTS: readonly Subject[] = [
  subject('v1', 'ConfigMap', 'configmaps', { data: { a: '1', b: '2' }, binaryData: { c: 'eA==' } }, [], undefined, {
    annotations: { note: 'x' },
    finalizers: ['example.com/a', 'example.com/b'],
    ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'o', uid: 'u-1' }, { apiVersion: 'v1', kind: 'ConfigMap', name: 'p', uid: 'u-2' }],
  }),
  subject('v1', 'Secret', 'secrets', { data: { a: 'eA==' }, type: 'Opaque' }),
  subject('v1', 'ServiceAccount', 'serviceaccounts', { secrets: [{ name: 'a' }, { name: 'b' }], imagePullSecrets: [{ name: 'c' }] }),
  subject('v1', 'Service', 'services', { spec: { selector: { app: 'x' }, ports: [{ port: 80, name: 'http' }, { port: 80, protocol: 'UDP', name: 'udp' }, { port: 443, name: 'https' }] } }, ['status']),
  subject('v1', 'PodTemplate', 'podtemplates', { template }),
  subject('v1', 'Node', 'nodes', { spec: { taints: [{ key: 'a', effect: 'NoSchedule' }], podCIDRs: ['10.1.0.0/24'], podCIDR: '10.1.0.0/24' } }, ['status'], ''),
  subject('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } }, ['status']),
  subject('apps/v1', 'Deployment', 'deployments', workload({ replicas: 2 }), ['status', 'scale']),
  subject('apps/v1', 'StatefulSet', 'statefulsets', workload({ serviceName: 's' }), ['status', 'scale']),
  subject('apps/v1', 'DaemonSet', 'daemonsets', workload({}), ['status']),
  subject('apps/v1', 'ReplicaSet', 'replicasets', workload({}), ['status', 'scale']),
  subject('batch/v1', 'Job', 'jobs', { spec: { suspend: true, template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } } }, ['status']),
  subject('batch/v1', 'CronJob', 'cronjobs', { spec: { schedule: '* * * * *', jobTemplate: { spec: { template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } } } } }, ['status']),
  subject('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', { spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 3, metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 5 } } }] } }, ['status']),
  subject('autoscaling/v1', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', { spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, maxReplicas: 3, targetCPUUtilizationPercentage: 50 } }, ['status']),
  subject('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', { spec: { minAvailable: 1, selector } }, ['status']),
  subject('networking.k8s.io/v1', 'Ingress', 'ingresses', { spec: { rules: [{ host: 'h.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }] } }], tls: [{ hosts: ['h.example.com'], secretName: 't' }] } }, ['status']),
  subject('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', { spec: { podSelector: selector, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 80 }] }] } }),
  subject('rbac.authorization.k8s.io/v1', 'Role', 'roles', { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] }),
  subject('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', { addressType: 'IPv4', endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true } }], ports: [{ name: 'http', port: 80 }] }),
  subject('admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', { webhooks: ['a', 'b'].map((name) => ({ name: `${name}.example.com`, clientConfig: { url: 'https://localhost:1/x' }, admissionReviewVersions: ['v1'], sideEffects: 'None', failurePolicy: 'Ignore', rules: [{ apiGroups: ['none.example.com'], apiVersions: ['v1'], resources: ['nones'], operations: ['CREATE'] }] })) }, [], ''),
  {
    ...subject('patched.example.com/v1', 'Thing', 'things', { spec: { size: 2, set: ['a', 'b'], numbers: [1, 2], plain: ['x'], ports: [{ port: 80 }, { port: 80, protocol: 'UDP', note: 'n' }], whole: { a: '1' }, labels: { k: 'v' }, free: { any: [1, { thing: true }] }, maybe: null, amount: '5%' } }, ['status', 'scale']),
    shape: { type: 'object', fields: { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: META, ...shapeOf(thing).fields } },
  },
]; // prettier-ignore
