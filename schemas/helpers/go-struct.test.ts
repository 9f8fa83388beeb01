import { expect, it } from 'vitest';
import { goStruct } from './go-struct.ts';

/** The texts are the real server's. */
it.each<[string, string, unknown, string]>([
  [
    'fields that are unset, and a selector as clients write it',
    'io.k8s.api.policy.v1.PodDisruptionBudgetSpec',
    { minAvailable: 1, selector: { matchLabels: { b: '1', a: '2' } }, maxUnavailable: 1 },
    '{"MinAvailable":1,"Selector":{"matchLabels":{"a":"2","b":"1"}},"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}',
  ],
  [
    'metadata that is embedded, acronyms',
    'io.k8s.api.resource.v1.ResourceClaimTemplateSpec',
    {
      metadata: { labels: { a: 'c' } },
      spec: {
        devices: {
          requests: [{ name: 'a', exactly: { deviceClassName: 'x', allocationMode: 'ExactCount', count: 1 } }],
        },
      },
    },
    '{"labels":{"a":"c"},"Spec":{"Devices":{"Requests":[{"Name":"a","Exactly":{"DeviceClassName":"x","Selectors":null,"AllocationMode":"ExactCount","Count":1,"AdminAccess":null,"Tolerations":null,"Capacity":null},"FirstAvailable":null}],"Constraints":null,"Config":null}}}',
  ],
  [
    'a reference',
    'io.k8s.api.rbac.v1.RoleRef',
    { kind: 'Role', name: 'r', apiGroup: 'rbac.authorization.k8s.io' },
    '{"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"r"}',
  ],
])('prints as the API server does: %s', (_name, definition, value, printed) => {
  expect(JSON.stringify(goStruct(value, definition))).toBe(printed);
});

it('keeps only the fields that are asked for', () => {
  expect(
    goStruct({ kind: 'Role', name: 'r', apiGroup: 'rbac.authorization.k8s.io' }, 'io.k8s.api.rbac.v1.RoleRef', [
      'name',
    ]),
  ).toEqual({ Name: 'r' });
});
