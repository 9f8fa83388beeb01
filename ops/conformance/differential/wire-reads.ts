import { material } from './material.ts';
import type { Json } from './mutate.ts';
import { served, type Served } from './shapes.ts';
import type { Both } from './wire.ts';

export const NAMESPACE = 'wired';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const partial = (type: string, list: boolean, version = 'v1'): string =>
  `${type};as=PartialObjectMetadata${list ? 'List' : ''};g=meta.k8s.io;v=${version}`;

/** What a single object, a list or a watch can be asked as. */
const FORMS: readonly (readonly [query: string, accept: string])[] = [
  ['', 'application/json'], ['', 'application/yaml'], ['', PROTOBUF], ['', TABLE], ['pretty=true', 'application/json'],
  ['', 'application/json;as=Table;v=v1beta1;g=meta.k8s.io'], ['includeObject=None', TABLE], ['includeObject=Object', TABLE],
  ['', partial('application/json', false)], ['', partial('application/json', true)], ['', partial(PROTOBUF, false)], ['', partial(PROTOBUF, true)],
]; // prettier-ignore
/** What is looked at for a few kinds only: negotiation knows nothing of kinds. */
const RARE: readonly (readonly [query: string, accept: string])[] = [
  ['', 'application/yaml;as=Table;v=v1;g=meta.k8s.io'], ['', `${PROTOBUF};as=Table;v=v1;g=meta.k8s.io`], ['includeObject=Metadata', TABLE], ['includeObject=none', TABLE], ['includeObject=', TABLE],
  ['', partial('application/yaml', false)], ['', partial('application/json', false, 'v1beta1')], ['', partial('application/json', true, 'v1beta1')], ['', partial(PROTOBUF, true, 'v1beta1')], ['', partial('application/json', false, 'v2')],
  ['', ''], ['', '*/*'], ['', 'application/*'], ['', 'text/html'], ['', 'text/*'], ['', 'application/cbor'], ['', 'application/cbor, application/json'], ['', 'application/cbor-seq'], ['', 'application/json, application/cbor'],
  ['', 'application/json;q=0.1, application/yaml'], ['', 'application/yaml;q=0.5, application/json;q=0.9'], ['', 'application/json;q=0'], ['', 'application/json;q=0, application/yaml'], ['', 'application/json;q=x, application/yaml;q=0.1'], ['', 'application/json;q=2'],
  ['', 'application/json;charset=utf-8'], ['', 'application/json; charset="utf-8"'], ['', 'application/json;x=y'], ['', 'application/json;pretty=1'], ['', 'application/json;pretty=true'], ['', 'application/json;pretty=0'], ['', 'application/yaml;pretty=1'], ['', 'APPLICATION/JSON'], ['', 'application/json;'], ['', 'application/json;;'], ['', ';'], ['', ','], ['', 'json'], ['', '*'], ['', '*/json'], ['', 'a/b, */*;q=0.1'],
  ['', 'application/vnd.kubernetes.protobuf, */*'], ['', `${PROTOBUF};stream=watch`], ['', 'application/json;stream=watch'], ['', 'application/json;stream=x'], ['', 'application/json;export=1'], ['', 'application/json;as='], ['', 'application/json;as=Table'], ['', 'application/json;as=Table;g=meta.k8s.io'], ['', 'application/json;as=Table;v=v1'], ['', 'application/json;as=Table;v=v2;g=meta.k8s.io'], ['', 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json'], ['', 'application/json;as=Table;v=v2;g=meta.k8s.io,application/json'], ['', 'application/json;as=Frob;v=v1;g=meta.k8s.io'], ['', 'application/json;v=v1'], ['', 'application/json;g=meta.k8s.io;v=v1'], ['', 'application/json;as=table;v=v1;g=meta.k8s.io'], ['', 'application/json;AS=Table;v=v1;g=meta.k8s.io'], ['', 'application/json;as="Table";v=v1;g=meta.k8s.io'], ['', 'application/json;as=Status;v=v1;g=meta.k8s.io'],
  ['pretty=false', 'application/json'], ['pretty=0', 'application/json'], ['pretty=1', 'application/json'], ['pretty=x', 'application/json'], ['pretty=', 'application/json'], ['pretty', 'application/json'], ['pretty=TRUE', 'application/json'], ['pretty=F', 'application/json'], ['pretty=true', 'application/yaml'], ['pretty=true', TABLE], ['pretty=true', PROTOBUF], ['pretty=true', partial('application/json', false)],
]; // prettier-ignore
const THOROUGH = new Set(['v1/configmaps', 'v1/pods', 'rbac.authorization.k8s.io/v1/clusterroles']);

export const collectionOf = ({ groupVersion, name, namespaced }: Served): string =>
  `${groupVersion.includes('/') ? '/apis' : '/api'}/${groupVersion}${namespaced ? `/namespaces/${NAMESPACE}` : ''}/${name}`;
const MARK = { wire: 'seen' };
export function named(object: Json, name: string): Json {
  const { metadata, ...rest } = object as { metadata?: { [key: string]: Json } };
  const { namespace: _, generateName: __, ...others } = metadata ?? {};
  return { ...rest, metadata: { ...others, name, labels: { ...(others['labels'] as object), ...MARK } } };
}
export async function prepare({ send }: Both): Promise<void> {
  const post = (path: string, object: Json) => send({ method: 'POST', path, body: JSON.stringify(object), headers: { 'content-type': 'application/json' } }); // prettier-ignore
  await post('/api/v1/namespaces', { metadata: { name: NAMESPACE } });
  await post(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, { metadata: { name: 'default' } });
}
/** The good objects of a resource, under names that both servers take. */
export function objectsOf(resource: Served, known: readonly Json[]): Json[] {
  return known.slice(0, 3).map((base, i) => {
    const name = (base as { metadata?: { name?: string } }).metadata?.name;
    // Some names follow from what they name.
    const own = name !== undefined && /[.]|^system:/.test(name) && !resource.namespaced ? name : `wire-${i}`;
    return named(base, own);
  });
}
export async function reads(both: Both): Promise<void> {
  await prepare(both);
  const { bases } = material();
  const wanted = served.filter(({ groupVersion, name, verbs }) => {
    const chosen = both.resources?.some((r) => r === `${groupVersion}/${name}` || r === name) ?? true;
    return chosen && !name.includes('/') && verbs.includes('get');
  });
  // Watches mostly wait: several kinds at a time, but never two versions of one.
  const byName = Map.groupBy(wanted, ({ name }) => name);
  const queue = [...byName.values()];
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      for (const resource of next) {
        const id = `${resource.groupVersion}/${resource.name}`;
        await readsOf(both, resource, id, bases.get(id) ?? []);
      }
  };
  await Promise.all(Array.from({ length: 6 }, work));
}
async function readsOf(both: Both, resource: Served, id: string, known: readonly Json[]): Promise<void> {
  const collection = collectionOf(resource);
  const names: string[] = [];
  for (const object of objectsOf(resource, known)) {
    const { name } = (object as { metadata: { name: string } }).metadata;
    await both.send({ method: 'DELETE', path: `${collection}/${name}?gracePeriodSeconds=0` });
    const [real, ours] = await both.send({ method: 'POST', path: `${collection}?fieldManager=wire`, body: JSON.stringify(object), headers: { 'content-type': 'application/json' } }); // prettier-ignore
    if (real.status === 201 && ours.status === 201) names.push(name);
    else if (real.status !== ours.status)
      both.same(`${id}: create ${name}`, real.bytes.toString(), ours.bytes.toString());
  }
  const selector = 'labelSelector=wire%3Dseen';
  const forms = THOROUGH.has(id) ? [...FORMS, ...RARE] : FORMS;
  const rareName = names[0];
  for (const [query, accept] of forms) {
    const headers = accept === '' ? {} : { accept };
    const title = `${id} ${query} ${accept}`;
    const rare = THOROUGH.has(id);
    const jobs: Promise<unknown>[] = [];
    for (const name of rare && rareName !== undefined ? [rareName] : names) jobs.push(both.compare(`GET ${title}`, { path: `${collection}/${name}?${query}`, headers })); // prettier-ignore
    if (resource.verbs.includes('list')) jobs.push(both.compare(`LIST ${title}`, { path: `${collection}?${selector}&${query}`, headers })); // prettier-ignore
    if (rare) {
      jobs.push(both.compare(`GET of nothing ${title}`, { path: `${collection}/absent?${query}`, headers }));
      jobs.push(
        both.compare(`LIST of nothing ${title}`, { path: `${collection}?labelSelector=none&${query}`, headers }),
      );
    }
    // Of a watch as a list the real server ends the stream at its first event: nobody asks for that.
    if (resource.verbs.includes('watch') && !accept.includes('List')) jobs.push(both.compare(`WATCH ${title}`, { path: `${collection}?watch=1&timeoutSeconds=1&${selector}&${query}`, headers, listenMs: 2500 })); // prettier-ignore
    await Promise.all(jobs);
  }
  await Promise.all(names.map((name) => both.send({ method: 'DELETE', path: `${collection}/${name}?gracePeriodSeconds=0` }))); // prettier-ignore
}
