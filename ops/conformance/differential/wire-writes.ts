import { encodeObject, envelope } from '../../../schemas/codec/protobuf-envelope.ts';
import { encodeMessage } from '../../../schemas/codec/protobuf.ts';
import { printYaml } from '../../../schemas/codec/yaml-print.ts';
import { schemaNameOf } from '../../../schemas/registry.ts';
import { material } from './material.ts';
import type { Json } from './mutate.ts';
import { served, type Served } from './shapes.ts';
import type { Both } from './wire.ts';
import { collectionOf, named, NAMESPACE, prepare } from './wire-reads.ts';

const JSON_TYPE = 'application/json';
const YAML = 'application/yaml';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const DELETE_OPTIONS = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';

/** Bodies in every media type, whole and broken, and options of writes. */
export async function writes(both: Both): Promise<void> {
  await prepare(both);
  const { bases } = material();
  for (const resource of served) {
    const id = `${resource.groupVersion}/${resource.name}`;
    if (resource.name.includes('/') || !resource.verbs.includes('create')) continue;
    if (both.resources && !both.resources.some((r) => r === id || r === resource.name)) continue;
    for (const base of (bases.get(id) ?? []).slice(0, 4)) await bodies(both, resource, id, base);
  }
  if (!both.resources || both.resources.includes('oddities')) await oddities(both);
}
function protobufOf({ groupVersion, kind }: Served, object: object): Buffer {
  const [version, group = ''] = groupVersion.split('/').reverse() as [string, string?];
  return encodeObject(schemaNameOf({ group, version, kind }), groupVersion, kind, object);
}
async function bodies(both: Both, resource: Served, id: string, base: Json): Promise<void> {
  const object = named(base, 'wire-body') as object;
  const path = `${collectionOf(resource)}?dryRun=All&fieldManager=wire`;
  const misspelt = { ...object, speck: 1, metadata: { ...(object as { metadata: object }).metadata, lables: {} } };
  const post = (what: string, type: string, body: string | Buffer, query = '', accept = JSON_TYPE): Promise<unknown> =>
    both.compare(`POST ${id} ${what}`, { method: 'POST', path: path + query, body, headers: { 'content-type': type, accept } }); // prettier-ignore
  const jobs = [
    post('json', JSON_TYPE, JSON.stringify(object)),
    post('yaml strict', YAML, printYaml(object), '&fieldValidation=Strict'),
    post('yaml misspelt', YAML, printYaml(misspelt)),
    post('yaml misspelt strict', YAML, printYaml(misspelt), '&fieldValidation=Strict'),
    post('json misspelt', JSON_TYPE, JSON.stringify(misspelt)),
    post('json misspelt ignored', JSON_TYPE, JSON.stringify(misspelt), '&fieldValidation=Ignore', YAML),
  ];
  try {
    const body = protobufOf(resource, object);
    jobs.push(post('protobuf', PROTOBUF, body), post('protobuf to protobuf', PROTOBUF, body, '', PROTOBUF), post('protobuf strict', PROTOBUF, body, '&fieldValidation=Strict')); // prettier-ignore
    // The real server's own bytes of it.
    const [made] = await both.send({ method: 'POST', path, body: JSON.stringify(object), headers: { 'content-type': JSON_TYPE, accept: PROTOBUF } }); // prettier-ignore
    if (made.status === 201) jobs.push(post('what came back', PROTOBUF, made.bytes));
  } catch {
    // Values of a wrong type have no protobuf form.
  }
  await Promise.all(jobs);
}

const CONFIG_MAP = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'odd' }, data: { a: 'b' } };
/** Content types, encodings and options, of ConfigMaps. */
async function oddities(both: Both): Promise<void> {
  const collection = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
  const path = `${collection}?dryRun=All`;
  const json = JSON.stringify(CONFIG_MAP);
  const raw = encodeMessage('io.k8s.api.core.v1.ConfigMap', CONFIG_MAP);
  const body = envelope('v1', 'ConfigMap', raw);
  const post = (what: string, type: string | undefined, of: string | Buffer, at = path): Promise<unknown> =>
    both.compare(`POST oddity ${what}`, { method: 'POST', path: at, body: of, headers: type === undefined ? {} : { 'content-type': type } }); // prettier-ignore
  for (const type of ['application/json; charset=utf-8', 'application/json;charset=latin1', 'APPLICATION/JSON', 'Application/Json', 'application/json;', 'application/json; x', 'application/json, application/yaml', 'text/plain', 'text/json', 'application/*', '*/*', '', ' ', ';', 'json', 'application/json-patch+json', 'application/apply-patch+yaml', 'application/cbor', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/yaml;charset=utf-8', 'text/yaml', 'application/x-yaml', undefined])
    await post(`content type ${type}`, type, json); // prettier-ignore
  for (const type of ['application/json;stream=watch', PROTOBUF, `${PROTOBUF};x=y`, YAML, JSON_TYPE])
    for (const [what, of] of [['protobuf', body], ['json', json], ['yaml', printYaml(CONFIG_MAP)], ['nothing', ''], ['null', 'null'], ['a list', '[]'], ['text', '"x"'], ['a number', '5'], ['k8s\\0', Buffer.from('k8s\0')], ['k8s', Buffer.from('k8s')], ['raw', raw], ['blanks', '  \n'], ['two', `${json}${json}`], ['json and more', `${json} x`], ['a BOM', `\ufeff${json}`], ['bad UTF-8', Buffer.from([...Buffer.from('{"kind":"ConfigMap","data":{"a":"'), 0xff, ...Buffer.from('"}}')])], ['two documents', `${printYaml(CONFIG_MAP)}---\n${printYaml(CONFIG_MAP)}`], ['a document', `---\n${printYaml(CONFIG_MAP)}...\n`], ['tabs', 'a:\n\tb: 1\n'], ['anchors', 'kind: ConfigMap\nmetadata: &m {name: odd}\ndata: {a: *m}\n'], ['merges', 'kind: ConfigMap\nx: &m {name: odd}\nmetadata: {<<: *m}\n'], ['numbers for text', 'kind: ConfigMap\nmetadata: {name: odd}\ndata: {a: 1, b: 1.5, c: true, e1: e1, d: 0x1F, yes: no}\n'], ['{', '{'], ['unclosed', '{"kind":"ConfigMap"']] as const)
      await post(`${type}: ${what}`, type, of); // prettier-ignore
  for (let i = 4; i < body.length; i += 3) await post(`protobuf cut at ${i}`, PROTOBUF, body.subarray(0, i));
  for (let i = 4; i < body.length; i += 2) await post(`protobuf bit at ${i}`, PROTOBUF, Buffer.from(body.map((b, at) => (at === i ? b ^ 0x20 : b)))); // prettier-ignore
  for (const [apiVersion, kind] of [['v1', 'Pod'], ['v1', 'Secret'], ['apps/v1', 'Deployment'], ['v2', 'ConfigMap'], ['', ''], ['v1', ''], ['', 'ConfigMap'], ['x/v1', 'Zebra'], ['v1', 'ConfigMapList'], ['v1', 'Status'], ['v1', 'DeleteOptions'], ['/v1', 'ConfigMap'], ['a/b/c', 'ConfigMap']] as const) {
    await post(`protobuf of ${apiVersion} ${kind}`, PROTOBUF, envelope(apiVersion, kind, raw));
    await post(`json of ${apiVersion} ${kind}`, JSON_TYPE, JSON.stringify({ ...CONFIG_MAP, apiVersion, kind }));
    await post(`yaml of ${apiVersion} ${kind}`, YAML, printYaml({ ...CONFIG_MAP, apiVersion, kind }));
  } // prettier-ignore
  const dry = [
    'dryRun=',
    'dryRun=all',
    'dryRun=All&dryRun=All',
    'dryRun=All,All',
    'dryRun=true',
    'dryRun=All&dryRun=x',
    'dryRun=All&fieldManager=',
    `dryRun=All&fieldManager=${'x'.repeat(129)}`,
    'dryRun=All&fieldManager=a%0Ab',
    'dryRun=All&fieldValidation=',
    'dryRun=All&fieldValidation=strict',
    'dryRun=All&fieldValidation=Strict&fieldValidation=Ignore',
    'dryRun=All&force=true',
    'dryRun=All&pretty=1',
    'dryRun=All&unknown=1',
    'dryRun=All&gracePeriodSeconds=x',
    'dryRun=All&timeout=1s',
    'dryRun=All&timeout=x',
    'dryRun=All&timeout=-1s',
    'dryRun=All&timeout=1',
    'dryRun=All&timeout=',
    'dryRun=All&timeout=1000h',
    'dryRun=All&%zz',
    'dryRun=All;x',
  ];
  for (const query of dry) {
    await post(`?${query}`, JSON_TYPE, json.replace('odd', 'odd-dry'), `${collection}?${query}`);
    await both.send({ method: 'DELETE', path: `${collection}/odd-dry` });
  }
  await warnings(both, collection);
  await deletions(both, collection);
}
/** What the text of a warning may hold, and how many there may be. */
async function warnings(both: Both, collection: string): Promise<void> {
  const post = (what: string, object: object): Promise<unknown> =>
    both.compare(`POST warning ${what}`, { method: 'POST', path: `${collection}?dryRun=All`, body: JSON.stringify(object), headers: { 'content-type': JSON_TYPE } }); // prettier-ignore
  for (const key of [
    '"',
    '\\',
    'ä',
    '\n',
    '\t',
    'a b',
    '\u0001',
    '\u007f',
    '\u2028',
    '😀',
    ',',
    '%',
    "'",
    'x'.repeat(300),
    '',
  ])
    await post(`of ${JSON.stringify(key).slice(0, 20)}`, { ...CONFIG_MAP, [key]: 1 });
  for (const count of [2, 3, 50, 100, 400])
    await post(`of ${count} fields`, { ...CONFIG_MAP, ...Object.fromEntries(Array.from({ length: count }, (_, i) => [`field-${i}`, i])) }); // prettier-ignore
  await post('of two long ones', { ...CONFIG_MAP, ['a'.repeat(200)]: 1, ['b'.repeat(3000)]: 1, ['c'.repeat(3000)]: 2 });
  await post('of duplicate owners', { ...CONFIG_MAP, metadata: { name: 'odd', ownerReferences: [1, 2].map(() => ({ apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'u' })) } }); // prettier-ignore
}
/** Options of deletions, in the body and the query. */
async function deletions(both: Both, collection: string): Promise<void> {
  const at = `${collection}/gone`;
  const options = (object: object): Buffer => encodeObject(DELETE_OPTIONS, 'v1', 'DeleteOptions', object);
  const cases: readonly (readonly [what: string, type: string | undefined, body: string | Buffer | undefined, query?: string])[] = [
    ['nothing', undefined, undefined], ['{}', JSON_TYPE, '{}'], ['null', JSON_TYPE, 'null'], ['a list', JSON_TYPE, '[]'], ['kind', JSON_TYPE, '{"kind":"DeleteOptions","apiVersion":"v1"}'], ['another kind', JSON_TYPE, '{"kind":"Pod","apiVersion":"v1"}'], ['apps', JSON_TYPE, '{"kind":"DeleteOptions","apiVersion":"apps/v1"}'], ['meta', JSON_TYPE, '{"kind":"DeleteOptions","apiVersion":"meta.k8s.io/v1"}'], ['v2', JSON_TYPE, '{"kind":"DeleteOptions","apiVersion":"v2"}'],
    ['grace 0', JSON_TYPE, '{"gracePeriodSeconds":0}'], ['grace -1', JSON_TYPE, '{"gracePeriodSeconds":-1}'], ['grace text', JSON_TYPE, '{"gracePeriodSeconds":"x"}'], ['policy', JSON_TYPE, '{"propagationPolicy":"Frob"}'], ['both policies', JSON_TYPE, '{"propagationPolicy":"Orphan","orphanDependents":true}'], ['a wrong uid', JSON_TYPE, '{"preconditions":{"uid":"x"}}'], ['a wrong version', JSON_TYPE, '{"preconditions":{"resourceVersion":"1"}}'], ['dry', JSON_TYPE, '{"dryRun":["All"]}'], ['badly dry', JSON_TYPE, '{"dryRun":["x"]}'], ['unknown field', JSON_TYPE, '{"frob":1}'], ['yaml', YAML, 'dryRun: [All]\n'], ['text', 'text/plain', '{}'], ['no type', undefined, '{"dryRun":["All"]}'],
    ['protobuf dry', PROTOBUF, options({ dryRun: ['All'] })], ['protobuf policy', PROTOBUF, options({ propagationPolicy: 'Frob' })], ['protobuf grace', PROTOBUF, options({ gracePeriodSeconds: 0, dryRun: ['All'] })], ['protobuf precondition', PROTOBUF, options({ preconditions: { uid: 'x' } })], ['protobuf cut', PROTOBUF, options({ dryRun: ['All'] }).subarray(0, 40)], ['protobuf of a pod', PROTOBUF, envelope('v1', 'Pod', Buffer.alloc(0))], ['empty protobuf', PROTOBUF, ''],
    ['?grace', undefined, undefined, 'gracePeriodSeconds=0&dryRun=All'], ['?grace x', undefined, undefined, 'gracePeriodSeconds=x'], ['?policy', undefined, undefined, 'propagationPolicy=Frob'], ['?policy Orphan', undefined, undefined, 'propagationPolicy=Orphan&dryRun=All'], ['?orphan', undefined, undefined, 'orphanDependents=true&dryRun=All'], ['?orphan x', undefined, undefined, 'orphanDependents=x&dryRun=All'], ['?dry x', undefined, undefined, 'dryRun=x'], ['body and query', JSON_TYPE, '{"dryRun":["All"]}', 'propagationPolicy=Frob'], ['empty body and query', JSON_TYPE, '', 'propagationPolicy=Frob'], ['?ignore', undefined, undefined, 'ignoreStoreReadErrorWithClusterBreakingPotential=true&dryRun=All'], ['ignore', JSON_TYPE, '{"ignoreStoreReadErrorWithClusterBreakingPotential":true,"gracePeriodSeconds":1}'],
  ]; // prettier-ignore
  for (const [what, type, body, query] of cases) {
    for (const resource of [at, collection]) {
      await both.send({ method: 'POST', path: collection, body: JSON.stringify({ ...CONFIG_MAP, metadata: { name: 'gone', labels: { gone: 'x' } } }), headers: { 'content-type': JSON_TYPE } }); // prettier-ignore
      const path = `${resource}?${query ?? ''}${resource === at ? '' : '&labelSelector=gone'}`;
      await both.compare(`DELETE ${resource === at ? 'one' : 'all'} ${what}`, { method: 'DELETE', path, body, headers: type === undefined ? {} : { 'content-type': type } }); // prettier-ignore
    }
  }
}
