import { beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from './meta/object.ts';
import { fieldPath } from './meta/field.ts';
import { builtinSchemas, createRegistry } from './registry.ts';
import { applyDefaults } from './structural/default.ts';
import { decode } from './structural/decode.ts';
import { loadAllExpressions } from './testing/load-expressions.ts';

beforeAll(loadAllExpressions);

/** One object of each kind beside core, apps and batch that is right, then what may be wrong with it. */
interface Kind {
  readonly of: string;
  readonly right: Readonly<Record<string, unknown>>;
  /** What differs from `right`, and all that is said of it. */
  readonly wrong: readonly (readonly [change: Readonly<Record<string, unknown>>, ...causes: readonly string[]])[];
}
const registry = createRegistry();
const META = { name: 'a', namespace: 'n' };
const KINDS: readonly Kind[] = [
  {
    of: 'networking.k8s.io/v1/ingresses',
    right: { spec: { rules: [{ host: 'a.example.com', http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }] } }] } },
    wrong: [
      [{ spec: {} }, 'spec: Invalid value: null: either `defaultBackend` or `rules` must be specified'],
      [{ spec: { rules: [{ host: '1.2.3.4' }] } }, 'spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address'],
      [{ spec: { defaultBackend: {} } }, 'spec.defaultBackend: Invalid value: "": resource or service backend is required'],
    ],
  },
  {
    of: 'networking.k8s.io/v1/networkpolicies',
    right: { spec: { podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] } },
    wrong: [[{ spec: { podSelector: {}, policyTypes: ['Sideways'] } }, 'spec.policyTypes[0]: Unsupported value: "Sideways": supported values: "Ingress", "Egress"']],
  },
  {
    of: 'rbac.authorization.k8s.io/v1/roles',
    right: { rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }] },
    wrong: [
      [{ rules: [{ apiGroups: [''], resources: ['pods'] }] }, 'rules[0].verbs: Required value: verbs must contain at least one value'],
      [{ rules: [{ nonResourceURLs: ['/x'], verbs: ['get'] }] }, 'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs'],
    ],
  },
  {
    of: 'rbac.authorization.k8s.io/v1/rolebindings',
    right: { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' }, subjects: [{ kind: 'ServiceAccount', name: 's', namespace: 'n' }] },
    wrong: [[{ roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Rule', name: 'r' } }, 'roleRef.kind: Unsupported value: "Rule": supported values: "Role", "ClusterRole"']],
  },
  {
    of: 'policy/v1/poddisruptionbudgets',
    right: { spec: { minAvailable: 1, selector: {} } },
    wrong: [[{ spec: { minAvailable: 1, maxUnavailable: 1, selector: { matchLabels: { a: 'b' } } } }, 'spec: Invalid value: {"MinAvailable":1,"Selector":{"matchLabels":{"a":"b"}},"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set']],
  },
  {
    of: 'coordination.k8s.io/v1/leases',
    right: { spec: { holderIdentity: 'x', leaseDurationSeconds: 1 } },
    wrong: [[{ spec: { leaseDurationSeconds: 0 } }, 'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0']],
  },
  {
    of: 'discovery.k8s.io/v1/endpointslices',
    right: { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ name: 'p', port: 80 }] },
    wrong: [[{ endpoints: [{ addresses: ['fd00::1'] }] }, 'endpoints[0].addresses: Invalid value: "fd00::1": must be an IPv4 address']],
  },
  {
    of: 'scheduling.k8s.io/v1/priorityclasses',
    right: { value: 5 },
    wrong: [[{ value: 2_000_000_000 }, 'value: Forbidden: maximum allowed value of a user defined priority is 1000000000']],
  },
  { of: 'node.k8s.io/v1/runtimeclasses', right: { handler: 'h' }, wrong: [[{ handler: '' }, 'handler: Required value']] },
  {
    of: 'storage.k8s.io/v1/storageclasses',
    right: { provisioner: 'example.com/p' },
    wrong: [[{ provisioner: '' }, 'provisioner: Required value']],
  },
  {
    of: 'autoscaling/v2/horizontalpodautoscalers',
    right: { spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' } } },
    wrong: [[{ spec: { minReplicas: 5, maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' } } }, 'spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`']],
  },
  {
    of: 'flowcontrol.apiserver.k8s.io/v1/flowschemas',
    right: { spec: { priorityLevelConfiguration: { name: 'p' }, matchingPrecedence: 5 } },
    wrong: [[{ spec: { priorityLevelConfiguration: { name: 'p' }, matchingPrecedence: 20_000 } }, 'spec.matchingPrecedence: Invalid value: 20000: must not be greater than 10000']],
  },
  {
    of: 'apiregistration.k8s.io/v1/apiservices',
    right: { metadata: { name: 'v1.example.com' }, spec: { group: 'example.com', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1, service: { name: 's', namespace: 'n' } } },
    wrong: [[{ spec: { group: 'example.com', version: 'v1', groupPriorityMinimum: 0, versionPriority: 1, service: { name: 's', namespace: 'n' } } }, 'spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000']],
  },
  {
    of: 'admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
    right: { webhooks: [{ name: 'a.example.com', clientConfig: { url: 'https://x/' }, sideEffects: 'None', admissionReviewVersions: ['v1'] }] },
    wrong: [[{ webhooks: [{ name: 'a.b', clientConfig: { url: 'http://x/' }, sideEffects: 'Some', admissionReviewVersions: ['v1'] }] },
      'webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots',
      'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
      'webhooks[0].clientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]']],
  },
  {
    of: 'resource.k8s.io/v1/deviceclasses',
    right: { spec: {} },
    wrong: [[{ spec: { config: [{}] } }, 'spec.config[0].opaque: Required value']],
  },
]; // prettier-ignore

function complaints({ of }: Kind, fields: object): string[] {
  const [group, version, resource] = of.split('/') as [string, string, string];
  const r = registry.lookup({ group, version, resource })!;
  const body = { apiVersion: `${group}/${version}`, kind: r.kind, metadata: r.namespaced ? META : { name: 'a' }, ...fields }; // prettier-ignore
  let draft = decode(body, r.schema, builtinSchemas).object as KubeObject;
  draft = r.definition.defaults?.(draft) ?? draft;
  draft = r.definition.prepareForCreate?.(draft) ?? draft;
  draft = applyDefaults(draft, r.schema, builtinSchemas);
  return [...(r.definition.validate?.(draft, fieldPath()) ?? [])].map((e) => `${e.field}: ${e.message}`);
}
describe.each(KINDS)('$of', (kind) => {
  it('is accepted when it is right', () => expect(complaints(kind, kind.right)).toEqual([]));
  it.each(kind.wrong.map(([change, ...causes]) => ({ change, causes })))(
    'is refused: $causes.0',
    ({ change, causes }) => {
      expect(complaints(kind, { ...kind.right, ...change })).toEqual(causes);
    },
  );
});
