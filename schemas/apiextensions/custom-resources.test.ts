import { fromStorage } from '../convert.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import type { CustomResourceDefinition, JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { fieldPath } from '../meta/field.ts';
import type { DynamicObject } from '../meta/object.ts';
import { customResourceDefinition } from './custom-resource-definition.ts';
import { customResources } from './custom-resources.ts';
import { acceptNames, established } from './naming.ts';
import { loadRules } from './rule-loading.ts';

beforeAll(() => loadRules());

const NOW = '2020-01-01T00:00:00Z';
const SPEC: JSONSchemaProps = {
  type: 'object',
  properties: {
    size: { type: 'integer', maximum: 10, default: 3 },
    tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
    inner: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
  },
};
function widgets(change: (crd: CustomResourceDefinition) => void = () => undefined): CustomResourceDefinition {
  const schema = { openAPIV3Schema: { type: 'object', properties: { spec: SPEC, status: { type: 'object', properties: { n: { type: 'integer' } } } } } }; // prettier-ignore
  const crd: CustomResourceDefinition = {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' },
      versions: [
        { name: 'v1', served: true, storage: true, schema: structuredClone(schema) as never,
          subresources: { status: {}, scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.n' } },
          additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
          selectableFields: [{ jsonPath: '.spec.size' }] },
        { name: 'v2', served: true, storage: false, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } } } } },
      ],
    },
  }; // prettier-ignore
  change(crd);
  return customResourceDefinition.prepareForCreate!(customResourceDefinition.defaults!(crd));
}
const accepted = (crd = widgets()): CustomResourceDefinition => ({ ...crd, status: { ...crd.status, ...acceptNames(crd, [], NOW) } }); // prettier-ignore
const says = (crd: CustomResourceDefinition): string[] =>
  [...customResourceDefinition.validate!(crd, fieldPath())].map((e) => `${e.field}: ${e.message}`);

describe('definitions of custom kinds', () => {
  it('are accepted when they are right, with names filled in', () => {
    const crd = widgets();
    expect(says(crd)).toEqual([]);
    expect(crd.spec.names).toMatchObject({ singular: 'widget', listKind: 'WidgetList' });
    expect(crd.status?.storedVersions).toEqual(['v1']);
  });
  const root = (crd: CustomResourceDefinition): JSONSchemaProps => crd.spec.versions[0]!.schema!.openAPIV3Schema!;
  const at = 'spec.versions[0].schema.openAPIV3Schema';
  it.each<[string, (crd: CustomResourceDefinition) => void, string]>([
    ['another name', (c) => void (c.metadata.name = 'x.example.com'), 'metadata.name: Invalid value: "x.example.com": must be spec.names.plural+"."+spec.group'],
    ['a bad group', (c) => { c.spec.group = 'nodot'; c.metadata.name = 'widgets.nodot'; }, 'spec.group: Invalid value: "nodot": should be a domain with at least one dot'],
    ['a protected group', (c) => { c.spec.group = 'x.k8s.io'; c.metadata.name = 'widgets.x.k8s.io'; }, 'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111'],
    ['a bad scope', (c) => void (c.spec.scope = 'Planet'), 'spec.scope: Unsupported value: "Planet": supported values: "Cluster", "Namespaced"'],
    ['equal kinds', (c) => void (c.spec.names.listKind = 'Widget'), 'spec.names.listKind: Invalid value: "Widget": kind and listKind may not be the same'],
    ['no schema', (c) => { delete c.spec.versions[1]!.schema; }, 'spec.versions[1].schema.openAPIV3Schema: Required value'],
    ['a type that is none', (c) => void (root(c).properties!['status']!.properties!['n']!.type = 'int'), `${at}.properties[status].properties[n].type: Unsupported value: "int": supported values: "array", "boolean", "integer", "number", "object", "string"`],
    ['no type', (c) => { delete root(c).properties!['spec']!.type; }, `${at}.properties[spec].type: Required value: must not be empty for specified object fields`],
    ['a default that breaks its rule', (c) => void (root(c).properties!['spec']!.properties!['size']!.default = 11 as never), `${at}.properties[spec].properties[size].default: Invalid value: 11:  in body should be less than or equal to 10`],
    ['unique items', (c) => void (root(c).properties!['spec']!.properties!['tags']!.uniqueItems = true), `${at}.properties[spec].properties[tags].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`],
    ['keys of a set', (c) => void (root(c).properties!['spec']!.properties!['tags']!['x-kubernetes-list-map-keys'] = ['a']), `${at}.properties[spec].properties[tags].x-kubernetes-list-type: Invalid value: "set": must be map if x-kubernetes-list-map-keys is non-empty`],
    ['structure in a condition', (c) => void (root(c).properties!['spec']!.anyOf = [{ type: 'object' }]), `${at}.properties[spec].anyOf[0].type: Forbidden: must be empty to be structural`],
    ['a condition about nothing', (c) => void (c.spec.versions[1]!.schema!.openAPIV3Schema!.anyOf = [{ properties: { no: { minimum: 1 } } }]), 'spec.versions[1].schema.openAPIV3Schema.properties[no]: Required value: because it is defined in spec.versions[1].schema.openAPIV3Schema.anyOf[0].properties[no]'],
    ['rules for metadata', (c) => void (root(c).properties!['metadata'] = { type: 'object', properties: { labels: { type: 'object' } } }), `${at}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`],
    ['a bad column', (c) => void (c.spec.versions[0]!.additionalPrinterColumns![0]!.type = 'x'), 'spec.versions[0].additionalPrinterColumns[0].type: Invalid value: "x": must be one of boolean,date,integer,number,string'],
    ['a scale of nothing', (c) => void (c.spec.versions[0]!.subresources!.scale!.specReplicasPath = '.status.n'), 'spec.versions[0].subresources.scale.specReplicasPath: Invalid value: ".status.n": should be a json path under .spec'],
    ['a field that is not there', (c) => void (c.spec.versions[0]!.selectableFields = [{ jsonPath: '.spec.no' }]), 'spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".spec.no": is an invalid path: does not refer to a valid field'],
    ['a list as field', (c) => void (c.spec.versions[0]!.selectableFields = [{ jsonPath: '.spec.tags' }]), 'spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".spec.tags": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.'],
    ['a rule without text', (c) => void (root(c)['x-kubernetes-validations'] = [{ rule: ' ' }]), `${at}.x-kubernetes-validations[0].rule: Required value: rule is not specified`],
    ['a webhook without an address', (c) => void (c.spec.conversion = { strategy: 'Webhook', webhook: { clientConfig: {}, conversionReviewVersions: ['v1'] } }), 'spec.conversion.webhookClientConfig: Required value: exactly one of url or service is required'],
    ['a warning for a version in use', (c) => void (c.spec.versions[0]!.deprecationWarning = 'old'), 'spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions'],
  ])('are refused: %s', (_, change, expected) => expect(says(widgets(change))).toEqual([expected])); // prettier-ignore
  it('say what is wrong where all versions share it', () => {
    const crd = widgets((c) => void (c.spec.versions = [{ ...c.spec.versions[0]!, schema: { openAPIV3Schema: { type: 'string' } } }])); // prettier-ignore
    expect(says(crd)).toContain('spec.validation.openAPIV3Schema.type: Invalid value: "string": must be object at the root'); // prettier-ignore
  });
  it('warn of formats that mean nothing', () => {
    const crd = widgets((c) => void (root(c).properties!['spec']!.properties!['size']!.format = 'int7'));
    expect(customResourceDefinition.warnings!(crd, undefined)).toEqual(['unrecognized format "int7"']);
    expect(customResourceDefinition.warnings!(crd, crd)).toEqual([]);
  });
});

describe('names', () => {
  it('are accepted when free, then the kind is established', () => {
    const crd = widgets();
    const status = acceptNames(crd, [], NOW)!;
    expect(status.acceptedNames).toEqual(crd.spec.names);
    const named = { ...crd, status };
    expect(acceptNames(named, [named], NOW)).toBeUndefined();
    const served = established(named, NOW)!;
    expect(served.conditions?.map((c) => `${c.type}=${c.status}`)).toEqual(['NamesAccepted=True', 'Established=True']);
    expect(established({ ...crd, status: served }, NOW)).toBeUndefined();
  });
  it.each([
    ['plural', 'PluralConflict', 'widgets'],
    ['kind', 'KindConflict', 'Widget'],
  ] as const)('that another has are refused: %s', (field, reason, name) => {
    const first = accepted(widgets((c) => void (c.metadata.name = 'first.example.com')));
    const second = widgets((c) => {
      c.spec.names = { plural: 'others', kind: 'Other', listKind: 'Others', [field]: name };
    });
    const status = acceptNames(second, [first], NOW)!;
    expect(status.conditions?.[0]).toMatchObject({ type: 'NamesAccepted', status: 'False', reason, message: `"${name}" is already in use` }); // prettier-ignore
    expect(established({ ...second, status }, NOW)).toBeUndefined();
    expect(customResources({ ...second, status })).toEqual([]);
  });
});

describe('custom kinds', () => {
  const [v1, v2] = customResources(accepted());
  const read = (value: object): DynamicObject => v1!.schema.read!({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a' }, ...value }, false).object; // prettier-ignore
  const problems = (value: object, old?: object): string[] =>
    [...v1!.definition.validate!(read(value), fieldPath(), old && read(old))].map((e) => `${e.field}: ${e.message}`);
  it('are served in each version, stored in one', () => {
    expect([v1, v2].map((r) => `${r!.version} ${r!.storageVersion} ${r!.storagePrefix}`)).toEqual([
      'v1 example.com/v1 /registry/example.com/widgets/',
      'v2 example.com/v1 /registry/example.com/widgets/',
    ]);
    expect([...v1!.subresources.keys()]).toEqual(['status', 'scale']);
    expect(v1!.columns.map((c) => c.name)).toEqual(['Name', 'Size']);
    expect(v2!.columns.map((c) => c.name)).toEqual(['Name', 'Age']);
  });
  it('have defaults and lose what is unknown', () => {
    expect(v1!.schema.read!({ metadata: { name: 'a', bad: 1 }, spec: { no: 1 } }, false)).toEqual({
      object: { metadata: { name: 'a' }, spec: { size: 3 } },
      strict: ['unknown field "metadata.bad"', 'unknown field "spec.no"'],
    });
  });
  it('are held to their schema', () => {
    expect(problems({ spec: { size: 11, tags: ['a', 'a', 'a'], inner: { kind: 'X' } } })).toEqual([
      'spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10',
      'spec.inner.apiVersion: Required value',
      'spec.tags[1]: Duplicate value: "a"',
    ]);
    expect(problems({ spec: { size: -1 } })).toEqual(['.spec.size: Invalid value: -1: should be a non-negative integer']); // prettier-ignore
    expect(problems({ kind: 'Other' })).toEqual(['kind: Invalid value: "Other": must be Widget']);
  });
  it('may keep what was wrong before', () => {
    expect(problems({ spec: { size: 11 } }, { spec: { size: 11 } })).toEqual([]);
    expect(problems({ spec: { size: 12 } }, { spec: { size: 11 } })).toHaveLength(1);
  });
  it('change only their version when converted, and lose what the other one does not know', () => {
    const stored = read({ spec: { size: 1, tags: ['a'] } });
    const shown = fromStorage(v2!, stored) as DynamicObject;
    expect(shown).toMatchObject({ apiVersion: 'example.com/v2', spec: { size: 1 } });
    expect(shown).not.toHaveProperty('spec.tags');
    expect(v2!.definition.custom!.versions.stored(shown)).toHaveProperty('apiVersion', 'example.com/v1');
    expect(stored['spec']).toEqual({ size: 1, tags: ['a'] });
  });
  it('are shown by the present schema, whatever they were stored under', () => {
    const old = { ...read({}), spec: { size: 2, gone: true }, other: 1 };
    const shown = fromStorage(v1!, old);
    expect(shown).toEqual(read({ spec: { size: 2 } }));
    expect(fromStorage(v1!, old)).toBe(shown);
    const present = read({ spec: { size: 2 } });
    expect(fromStorage(v1!, present)).toBe(present);
  });
  it('show cells and are selected by field', () => {
    const object = read({ spec: { size: 4 } });
    expect(v1!.definition.cells!(object, 0)).toEqual(['a', 4]);
    expect(v1!.definition.selectableFields!['spec.size']!(object)).toBe('4');
  });
  it('have no status of their own on create, and the old one on update', () => {
    expect(v1!.definition.prepareForCreate!(read({ status: { n: 1 } }))).not.toHaveProperty('status');
    const kept = v1!.definition.prepareForUpdate!(read({ status: { n: 1 } }), read({ status: { n: 2 } }));
    expect(kept).toHaveProperty('status', { n: 2 });
  });
  it('are not served before their names are accepted', () => expect(customResources(widgets())).toEqual([]));
});
