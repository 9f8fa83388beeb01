type Json = Record<string, unknown>;
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly type?: string;
}
/** What one client does to hurt. */
export interface Case {
  readonly name: string;
  /** `salt` tells what one round makes from that of another. `after`: paths to delete. */
  make(salt: string): {
    readonly before?: readonly Request[];
    readonly requests: readonly Request[];
    readonly after: readonly string[];
  };
}
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const REGISTRATION = '/apis/admissionregistration.k8s.io/v1';
const post = (path: string, body: unknown): Request => ({ method: 'POST', path, body: JSON.stringify(body) });
const get = (path: string): Request => ({ method: 'GET', path });
const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
const named = <T>(count: number, make: (i: number) => T): Record<string, T> =>
  Object.fromEntries(many(count, (i) => [`field${i}`, make(i)]));
const repeated = (text: string, bytes: number, join: string): string =>
  many(Math.floor(bytes / (text.length + join.length)), () => text).join(join);

const groupOf = (salt: string): string => `${salt}.hostile.example.com`;
const crdPath = (salt: string): string => `${CRDS}/things.${groupOf(salt)}`;
const thingsPath = (salt: string): string => `/apis/${groupOf(salt)}/v1/namespaces/default/things`;
interface Shape {
  readonly versions?: number;
  readonly columns?: readonly Json[];
  readonly version?: Json;
}
function crd(salt: string, spec: Json, { versions = 1, columns, version }: Shape = {}): Json {
  const group = groupOf(salt);
  return {
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: `things.${group}` },
    spec: {
      group, scope: 'Namespaced', names: { plural: 'things', kind: 'Thing' },
      versions: many(versions, (i) => ({
        name: `v${i + 1}`, served: true, storage: i === 0, ...(columns && { additionalPrinterColumns: columns }),
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec } } }, ...version,
      })),
    },
  }; // prettier-ignore
}
const thing = (salt: string, spec: unknown, name = 'one'): Json => ({ apiVersion: `${groupOf(salt)}/v1`, kind: 'Thing', metadata: { name }, spec }); // prettier-ignore
const ruled = (rules: readonly (string | Json)[], schema: Json = { type: 'object', properties: { a: { type: 'integer' }, list: { type: 'array', maxItems: 5, items: { type: 'integer' } } } }): Json =>
  ({ ...schema, 'x-kubernetes-validations': rules.map((rule) => (typeof rule === 'string' ? { rule } : rule)) }); // prettier-ignore

/** A definition is written. */
const definition = (name: string, spec: () => Json, shape?: () => Shape): Case => ({
  name: `definition: ${name}`,
  make: (salt) => ({ requests: [post(CRDS, crd(salt, spec(), shape?.()))], after: [crdPath(salt)] }),
});
/** Deeper than JSON.stringify goes. */
const deepDefinition = (name: string, levels: number, open: string, close: string): Case => ({
  name: `definition: ${name}`,
  make: (salt) => {
    const { body, ...request } = post(CRDS, crd(salt, { type: 'object', deep: 'here' }));
    const inner = `${open.repeat(levels)}{"type":"integer"}${close.repeat(levels)}`;
    return { requests: [{ ...request, body: body!.replace('{"type":"object","deep":"here"}', inner) }], after: [crdPath(salt)] };
  },
}); // prettier-ignore
/** An object of a kind is written, then read and written again. */
const object = (name: string, schema: () => Json, value: () => unknown, shape?: () => Shape): Case => ({
  name: `object: ${name}`,
  make: (salt) => ({
    before: [post(CRDS, crd(salt, schema(), shape?.())), post(thingsPath(salt), thing(salt, undefined, 'none'))],
    requests: [
      post(thingsPath(salt), thing(salt, value())),
      get(`${thingsPath(salt)}?limit=500`),
      { method: 'PATCH', path: `${thingsPath(salt)}/one`, body: '{"metadata":{"labels":{"a":"b"}}}', type: 'application/merge-patch+json' },
    ],
    after: [crdPath(salt)],
  }),
}); // prettier-ignore
/** Anything of a definition that stands is asked. */
const asked = (name: string, schema: () => Json, requests: (salt: string) => readonly Request[], shape?: () => Shape): Case => ({
  name: `asked: ${name}`,
  make: (salt) => ({
    before: [post(CRDS, crd(salt, schema(), shape?.())), post(thingsPath(salt), thing(salt, name.includes('patch') || name.includes('in front') ? {} : undefined, 'none'))],
    requests: requests(salt),
    after: [crdPath(salt)],
  }),
}); // prettier-ignore
const LONG = 90_000;
const LARGE = 1_000_000;
const HUGE = 2_900_000;
const leaf = { type: 'string' };
/** An object in an object... */
const nested = (depth: number, inner: Json = leaf): Json => {
  let schema = inner;
  for (let i = 0; i < depth; i++) schema = { type: 'object', properties: { a: schema } };
  return schema;
};
const long = (term: string, join: string): string => repeated(term, LONG, join);
const items = (count: number): Json[] => many(count, (i) => ({ name: `name-${i}`, value: 'x' }));
const ITEM = {
  type: 'object',
  properties: { name: { type: 'string' }, value: { type: 'string' } },
  required: ['name'],
};

const expressions: readonly (readonly [string, string])[] = [
  ['comparisons', long('self.a == 1', ' && ')],
  ['a sum', `self.a == ${repeated('1', 480, '+')}`],
  ['lists in lists', `self.a in [${long('[self.a].size()', ',')}]`],
  ['a list of numbers', `self.a in [${long('12', ',')}]`],
  ['a map', `self.a in {${many(9000, (i) => `${i}:self`).join(',')}}`],
  ['macros', long('self.list.all(x, x > 1)', ' && ')],
  ['macros in macros', `${'[1].all(x, '.repeat(60)}x > 0${')'.repeat(60)}`],
  ['optionals that copy', `optional.of(1)${'.optMap(x, x)'.repeat(16)}.hasValue()`],
  ['types that grow', `${many(30, (i) => `cel.bind(x${i}, [${i === 0 ? '1' : `x${i - 1}, x${i - 1}`}], `).join('')}true${')'.repeat(30)}`],
  ['calls', `self.a${'.size()'.repeat(240)} == 1`],
  ['what is not declared', long('nothing == 1', ' && ')],
  ['overloads that do not fit', long("'a' + 1 == 2", ' && ')],
  ['regular expressions', long("'a'.matches('(a+)+$')", ' && ')],
  ['a regular expression', `'a'.matches('${'(a|b)*'.repeat(14_000)}')`],
  ['repetitions', `'a'.matches('${'((a{30}){30})'.repeat(60)}')`],
  ['parentheses', `${'('.repeat(40_000)}1`],
  ['brackets', '['.repeat(90_000)],
  ['minus signs', `${'-'.repeat(90_000)}1 == 1`],
  ['not grammatical', long(') ( ] [', ' ')],
  ['quotes', '"'.repeat(90_001)],
  ['backslashes', `'${'\\'.repeat(90_000)}`],
  ['no tokens', '#'.repeat(90_000)],
  ['conditions', `${'true ? '.repeat(200)}true${' : false'.repeat(200)}`],
  ['conditions in a row', `${long('self.a == 1 ? false', ' : ')} : true`],
  ['too long', 'a'.repeat(120_000)],
  ['spaces', `${' '.repeat(90_000)}true`],
  ['a name', `${'a'.repeat(90_000)} == 1`],
  ['fields', `self${'.a'.repeat(240)} == 1`],
  ['a text', `'${'x'.repeat(90_000)}' == 'x'`],
  ['times and addresses', long("duration('1s') == duration('1s')", ' && ')],
  ['formats', `'${'%s'.repeat(20_000)}'.format([${many(9_000, () => '1').join(',')}]) == ''`],
]; // prettier-ignore

export const cases: readonly Case[] = [
  { name: 'nothing', make: () => ({ requests: [get('/readyz')], after: [] }) },
  ...expressions.map(([name, rule]) => definition(`rule: ${name}`, () => ruled([rule]))),
  definition('15 long rules', () => ruled(many(15, () => long('self.a == 1', ' && ')))),
  definition('10 long messages', () => ruled(many(10, () => ({ rule: 'true', messageExpression: `${long("'x'", ' + ').slice(0, 1400)} + 'y'` })))),
  definition('15,000 rules', () => ruled(many(15_000, (i) => `self.a > ${i}`))),
  definition('rules at 3,000 places', () => ({ type: 'object', properties: named(3_000, () => ruled(['self.a > 1'])) })),
  definition('rules in a list of a list of a list', () => ruled([], { type: 'array', items: { type: 'array', items: { type: 'array', items: ruled(many(1_000, () => 'self.a > 1')) } } })),
  definition('a text of 1 MB as default', () => ({ type: 'object', properties: { a: { type: 'string', default: 'x'.repeat(LARGE) } } })),
  definition('a list of 1 MB as default', () => ({ type: 'array', items: ITEM, default: items(25_000) })),
  definition('a list of 1 MB as default, all of it wrong', () => ({ type: 'array', items: { type: 'integer' }, default: items(25_000) })),
  definition('a list of 1 MB as default, items to be pruned', () => ({ type: 'array', items: { type: 'object' }, default: items(25_000) })),
  definition('a list map of 1 MB as default', () => ({ type: 'array', items: ITEM, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'], default: items(25_000) })),
  definition('10,000 defaults', () => ({ type: 'object', properties: named(10_000, () => ({ type: 'string', default: 'x'.repeat(60) })) })),
  definition('a default of a default', () => nestedDefaults(60)),
  definition('100 levels', () => nested(100)),
  definition('900 levels', () => nested(900)),
  deepDefinition('3,000 levels', 3_000, '{"type":"object","properties":{"a":', '}}'),
  deepDefinition('9,000 times not', 9_000, '{"not":', '}'),
  deepDefinition('4,000 times allOf', 4_000, '{"allOf":[', ']}'),
  definition('900 lists in lists', () => many(900, (i) => i).reduce<Json>((inner) => ({ type: 'array', items: inner }), leaf)),
  definition('900 times anyOf', () => many(900, (i) => i).reduce<Json>((inner) => ({ anyOf: [inner] }), { minimum: 1 })),
  definition('anyOf in anyOf, 14 deep', () => ({ type: 'integer', ...branches(14) })),
  definition('100,000 values in an enum', () => ({ type: 'string', enum: many(100_000, (i) => `value-${i}`) })),
  definition('100,000 required', () => ({ type: 'object', required: many(100_000, (i) => `field-${i}`) })),
  definition('20,000 properties', () => ({ type: 'object', properties: named(20_000, () => ({ type: 'string', maxLength: 5 })) })),
  definition('20,000 properties with what is not allowed', () => ({ type: 'object', properties: named(20_000, () => ({ type: 'strange', uniqueItems: true })) })),
  definition('1,000 keys', () => ({ type: 'array', items: { type: 'object', properties: named(1_000, () => leaf), required: many(1_000, (i) => `field${i}`) }, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': many(1_000, (i) => `field${i}`) })),
  definition('10,000 keys, all the same', () => ({ type: 'array', items: ITEM, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': many(10_000, () => 'name') })),
  definition('a pattern of 500 KB', () => ({ type: 'string', pattern: '(a|b)*'.repeat(80_000) })),
  definition('a pattern that backtracks, and a default', () => ({ type: 'string', pattern: '^(a+)+$', default: `${'a'.repeat(100_000)}!` })),
  definition('a pattern of repetitions', () => ({ type: 'string', pattern: '((a{30}){30})'.repeat(500) })),
  definition('10,000 patterns', () => ({ type: 'object', properties: named(10_000, (i) => ({ type: 'string', pattern: `^[a-z]+-${i}$` })) })),
  definition('300 versions', () => ({ type: 'object', properties: named(40, () => leaf) }), () => ({ versions: 300 })),
  definition('300 versions with rules', () => ruled(['self.a > 1']), () => ({ versions: 300 })),
  definition('5,000 columns', () => ({ type: 'object' }), () => ({ columns: many(5_000, (i) => ({ name: `c${i}`, type: 'string', jsonPath: `.spec.a${i}` })) })),
  definition('a column of 500 KB', () => ({ type: 'object' }), () => ({ columns: [{ name: 'c', type: 'string', jsonPath: '.spec' + '[*].a'.repeat(100_000) }] })),
  definition('10,000 selectable fields', () => ({ type: 'object', properties: { a: leaf } }), () => ({ version: { selectableFields: many(10_000, () => ({ jsonPath: '.spec.a' })) } })),
  definition('a description of 1 MB', () => ({ type: 'object', description: 'é'.repeat(LARGE / 2) })),
  definition('20,000 unknown fields', () => ({ type: 'object', ...named(20_000, (i) => i) })),
  definition('2.9 MB', () => ({ type: 'object', properties: named(60_000, () => ({ type: 'string', maxLength: 5 })) })),
  definition('500 KB of embedded resources', () => ({ type: 'object', properties: named(6_000, () => ({ type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true })) })),

  object('20,000 defaults in each of 100 items', () => ({ type: 'array', items: { type: 'object', properties: named(3_000, () => ({ type: 'integer', default: 1 })) } }), () => many(100, () => ({}))),
  object('defaults in 50,000 items', () => ({ type: 'array', items: { type: 'object', properties: named(10, () => ({ type: 'string', default: 'xxxxxxxxxx' })) } }), () => many(50_000, () => ({}))),
  object('a set of 100,000', () => ({ type: 'array', items: leaf, 'x-kubernetes-list-type': 'set' }), () => many(100_000, (i) => `v${i}`)),
  object('a set of 100,000, each twice', () => ({ type: 'array', items: leaf, 'x-kubernetes-list-type': 'set' }), () => many(100_000, (i) => `v${i >> 1}`)),
  object('a list map of 30,000', () => ({ type: 'array', items: ITEM, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }), () => items(30_000)),
  object('a list map of 30,000 without keys', () => ({ type: 'array', items: { type: 'object', properties: { name: { type: 'string', default: 'same' }, value: { type: 'string' } } }, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }), () => many(30_000, () => ({ value: 'x' }))),
  object('200 items of 100 keys', () => ({ type: 'array', items: { type: 'object', properties: named(100, () => leaf), required: many(100, (i) => `field${i}`) }, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': many(100, (i) => `field${i}`) }), () => many(200, (n) => named(100, (i) => `${n}-${i}`))),
  object('100,000 of the wrong type', () => ({ type: 'array', items: leaf }), () => many(100_000, (i) => i)),
  object('100,000 outside an enum of 1,000', () => ({ type: 'array', items: { type: 'string', enum: many(1_000, (i) => `value-${i}`) } }), () => many(10_000, (i) => `v${i}`)),
  object('100,000 in an enum of 1,000', () => ({ type: 'array', items: { type: 'string', enum: many(1_000, (i) => `value-${i}`) } }), () => many(80_000, () => 'value-999')),
  object('a text of 1 MB and a pattern', () => ({ type: 'string', pattern: '^(a+)+$' }), () => 'a'.repeat(LARGE)),
  object('a text of 1 MB and a pattern with repetitions', () => ({ type: 'string', pattern: '^(((a|aa){1,30}){1,30})*b$' }), () => 'a'.repeat(LARGE)),
  object('a text of 1 MB and a date', () => ({ type: 'string', format: 'date-time' }), () => '1'.repeat(LARGE)),
  ...['email', 'uri', 'hostname', 'ipv4', 'ipv6', 'cidr', 'mac', 'uuid', 'isbn', 'creditcard', 'hexcolor', 'rgbcolor', 'byte', 'duration', 'date', 'k8s-long-name', 'ssn', 'bsonobjectid'].map((format) =>
    object(`a text of 1 MB and the format ${format}`, () => ({ type: 'string', format }), () => '1a.'.repeat(LARGE / 3))),
  object('100,000 unknown fields', () => ({ type: 'object' }), () => named(100_000, (i) => i)),
  object('100,000 fields of a map', () => ({ type: 'object', additionalProperties: { type: 'integer' } }), () => named(80_000, (i) => i)),
  object('2.9 MB that is kept', () => ({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }), () => ({ a: many(HUGE / 10, (i) => 1_000_000 + i) })),
  object('1.4 MB that is kept', () => ({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }), () => ({ a: many(140_000, (i) => 1_000_000 + i) })),
  object('2,000 branches for each of 500', () => ({ type: 'array', items: { type: 'integer', anyOf: many(2_000, (i) => ({ minimum: 10 + i })) } }), () => many(500, () => 1)),
  object('not in not', () => ({ type: 'array', items: { type: 'integer', ...nots(100) } }), () => many(10_000, () => 1)),
  object('rules over a list of lists', () => ruled(['self.list.all(x, self.list.all(y, x >= y))'], { type: 'object', properties: { list: { type: 'array', maxItems: 400, items: { type: 'integer', maximum: 1 } } } }), () => ({ list: many(400, () => 1) })),
  object('ten such rules', () => ruled(many(10, () => 'self.list.all(x, self.list.all(y, x >= y))'), { type: 'object', properties: { list: { type: 'array', maxItems: 400, items: { type: 'integer', maximum: 1 } } } }), () => ({ list: many(400, () => 1) })),
  object('a rule at each of 20,000 items', () => ({ type: 'object', properties: { list: { type: 'array', items: ruled(['self.a > 0'], { type: 'object', properties: { a: { type: 'integer' } } }) } } }), () => ({ list: many(20_000, () => ({ a: 1 })) })),
  object('a rule that fails at each of 20,000 items', () => ({ type: 'object', properties: { list: { type: 'array', items: ruled(['self.a > 1'], { type: 'object', properties: { a: { type: 'integer' } } }) } } }), () => ({ list: many(20_000, () => ({ a: 1 })) })),
  object('a text of 1 MB and a rule with a regular expression', () => ruled(["self.a.matches('^(a+)+$')"], { type: 'object', properties: { a: { type: 'string', maxLength: 1_048_576 } } }), () => ({ a: 'a'.repeat(LARGE) })),
  object('a list that a rule sorts', () => ruled(['self.list.isSorted() && self.list.sum() > 0 && self.list.indexOf(5) < 0'], { type: 'object', properties: { list: { type: 'array', maxItems: 100_000, items: { type: 'integer' } } } }), () => ({ list: many(100_000, () => 1) })),
  object('rules over 1 MB of text', () => ruled(["self.a.split('').size() > 1", "self.a.replace('a', 'bb').size() > 1"], { type: 'object', properties: { a: { type: 'string', maxLength: 1_000_000 } } }), () => ({ a: 'a'.repeat(LARGE) })),
  object('columns that look everywhere', () => ({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }), () => named(5_000, () => ({ a: { b: { c: 1 } } })), () => ({ columns: many(20, (i) => ({ name: `c${i}`, type: 'string', jsonPath: '.spec..b' })) })),

  asked('OpenAPI of 20,000 properties', () => ({ type: 'object', properties: named(20_000, () => ({ type: 'string', maxLength: 5 })) }), (salt) => [get(`/openapi/v3/apis/${groupOf(salt)}/v1`), get('/openapi/v2')]),
  asked('OpenAPI of 300 versions', () => ({ type: 'object', properties: named(40, () => leaf) }), (salt) => [get(`/openapi/v3/apis/${groupOf(salt)}/v1`), get('/openapi/v2'), get('/openapi/v3'), get('/apis')], () => ({ versions: 300 })),
  asked('OpenAPI of 1 MB of defaults', () => ({ type: 'array', items: ITEM, default: items(25_000) }), (salt) => [get(`/openapi/v3/apis/${groupOf(salt)}/v1`), get('/openapi/v2')]),
  asked('a patch of 10,000 operations', () => ({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }), (salt) => [{ method: 'PATCH', path: `${thingsPath(salt)}/none`, body: JSON.stringify(many(10_000, (i) => ({ op: 'add', path: `/spec/f${i}`, value: i }))), type: 'application/json-patch+json' }]),
  asked('a patch that copies again and again', () => ({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }), (salt) => [{ method: 'PATCH', path: `${thingsPath(salt)}/none`, body: JSON.stringify([{ op: 'add', path: '/spec/a0', value: 'x'.repeat(1_000) }, ...many(40, (i) => ({ op: 'copy', from: '/spec', path: `/spec/a${i + 1}` }))]), type: 'application/json-patch+json' }]),
  asked('a list into which 10,000 are put in front', () => ({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true }), (salt) => [{ method: 'PATCH', path: `${thingsPath(salt)}/none`, body: JSON.stringify([{ op: 'add', path: '/spec/l', value: many(100_000, () => 1) }, ...many(9_999, () => ({ op: 'add', path: '/spec/l/0', value: 1 }))]), type: 'application/json-patch+json' }]),
  asked('30,000 keys applied, twice', () => ({ type: 'array', items: ITEM, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }), (salt) => many(2, () => ({ method: 'PATCH', path: `${thingsPath(salt)}/two?fieldManager=me&force=true`, body: JSON.stringify(thing(salt, items(15_000), 'two')), type: 'application/apply-patch+yaml' }))),
  asked('100,000 unknown fields, strictly', () => ({ type: 'object' }), (salt) => [{ ...post(`${thingsPath(salt)}?fieldValidation=Strict`, thing(salt, named(100_000, (i) => i), 'two')) }]),

  {
    name: 'webhook: 64 conditions of 90 KB',
    make: (salt) => ({
      requests: [post(`${REGISTRATION}/validatingwebhookconfigurations`, {
        metadata: { name: `hostile-${salt}` },
        webhooks: [{ name: 'a.b.c', clientConfig: { url: 'https://127.0.0.1:1/' }, admissionReviewVersions: ['v1'], sideEffects: 'None', failurePolicy: 'Ignore', rules: [{ apiGroups: ['nowhere.example.com'], apiVersions: ['v1'], operations: ['*'], resources: ['nothings'] }], matchConditions: many(28, (i) => ({ name: `c${i}`, expression: long('object.spec.a == 1', ' && ') })) }],
      })],
      after: [`${REGISTRATION}/validatingwebhookconfigurations/hostile-${salt}`],
    }),
  },
  ...([
    ['28 validations of 90 KB', { validations: many(28, () => ({ expression: long('object.spec.a == 1', ' && ') })) }],
    ['15,000 validations', { validations: many(15_000, (i) => ({ expression: `object.spec.a > ${i}` })) }],
    ['3,000 variables', { variables: many(3_000, (i) => ({ name: `v${i}`, expression: i === 0 ? '1' : `variables.v${i - 1} + 1` })), validations: [{ expression: 'variables.v2999 > 1' }] }],
    ['variables whose types grow', { variables: many(40, (i) => ({ name: `v${i}`, expression: i === 0 ? '[1]' : `[variables.v${i - 1}, variables.v${i - 1}]` })), validations: [{ expression: 'variables.v39.size() > 1' }] }],
    ['20 validations against all kinds', { validations: many(20, () => ({ expression: long('object.spec.a == 1', ' && ') })) }, true],
  ] as const).map(([name, spec, all = false]): Case => ({
    name: `policy: ${name}`,
    make: (salt) => ({
      requests: [post(`${REGISTRATION}/validatingadmissionpolicies`, {
        metadata: { name: `hostile-${salt}` },
        spec: { failurePolicy: 'Ignore', matchConstraints: { resourceRules: [{ apiGroups: [all ? 'apps' : 'nowhere.example.com'], apiVersions: ['v1'], operations: ['*'], resources: ['*'] }] }, ...spec },
      })],
      after: [`${REGISTRATION}/validatingadmissionpolicies/hostile-${salt}`],
    }),
  })),
  ...([
    ['one expensive validation', ['object.data.all(a, object.data.all(b, object.data[a] == object.data[b]))']],
    ['ten expensive validations', many(10, () => 'object.data.all(a, object.data.all(b, object.data[a] == object.data[b]))')],
    ['a regular expression over 1 MB', ["object.data.all(a, !object.data[a].matches('^(x+x+)+y$'))"]],
  ] as const).map(([name, validations]): Case => ({
    name: `policy at work: ${name}`,
    make: (salt) => {
      const of = `hostile-${salt}`;
      return {
        before: [
          post(`${REGISTRATION}/validatingadmissionpolicies`, {
            metadata: { name: of },
            spec: { failurePolicy: 'Ignore', matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['configmaps'] }] }, validations: validations.map((expression) => ({ expression })) },
          }),
          post(`${REGISTRATION}/validatingadmissionpolicybindings`, { metadata: { name: of }, spec: { policyName: of, validationActions: ['Deny'] } }),
          post('/api/v1/namespaces/default/configmaps', { metadata: { name: `warm-${salt}` } }),
        ],
        requests: [post('/api/v1/namespaces/default/configmaps', { metadata: { name: of }, data: name.includes('1 MB') ? { a: 'x'.repeat(LARGE) } : named(1_000, () => 'x') })],
        after: [`${REGISTRATION}/validatingadmissionpolicybindings/${of}`, `${REGISTRATION}/validatingadmissionpolicies/${of}`, `/api/v1/namespaces/default/configmaps/${of}`, `/api/v1/namespaces/default/configmaps/warm-${salt}`],
      };
    },
  })),
  {
    name: 'config map: 1 MB in 50,000 keys',
    make: (salt) => ({
      requests: [post('/api/v1/namespaces/default/configmaps', { metadata: { name: `big-${salt}` }, data: named(35_000, () => 'x') })],
      after: [`/api/v1/namespaces/default/configmaps/big-${salt}`],
    }),
  },
]; // prettier-ignore

/** Each level brings a default that all below it fill in again. */
function nestedDefaults(depth: number): Json {
  let schema: Json = { type: 'object', properties: named(20, () => ({ type: 'integer', default: 1 })), default: {} };
  for (let i = 0; i < depth; i++) schema = { type: 'object', properties: { a: schema, b: { type: 'string', default: 'x' } }, default: {} }; // prettier-ignore
  return schema;
}
function branches(depth: number): Json {
  return depth === 0 ? { minimum: 1 } : { anyOf: [branches(depth - 1), branches(depth - 1)] };
}
function nots(depth: number): Json {
  return depth === 0 ? { minimum: 1 } : { not: nots(depth - 1) };
}
