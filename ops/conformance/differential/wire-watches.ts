import type { Both } from './wire.ts';
import { NAMESPACE, prepare } from './wire-reads.ts';

const COLLECTION = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const JSON_TYPE = { 'content-type': 'application/json' };
const LISTEN_MS = 1000;
/** So many watches listen at a time. */
const ABREAST = 12;

async function abreast(jobs: readonly (() => Promise<unknown>)[]): Promise<void> {
  const queue = [...jobs];
  const work = async (): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) await job();
  };
  await Promise.all(Array.from({ length: ABREAST }, work));
}
const put = (both: Both, name: string, labels: object, data: object = {}): Promise<unknown> =>
  both.send({ method: 'POST', path: COLLECTION, body: JSON.stringify({ metadata: { name, labels }, data }), headers: JSON_TYPE }); // prettier-ignore
const patch = (both: Both, name: string, change: object): Promise<unknown> =>
  both.send({ method: 'PATCH', path: `${COLLECTION}/${name}`, body: JSON.stringify(change), headers: { 'content-type': 'application/merge-patch+json' } }); // prettier-ignore
const remove = (both: Both, name: string): Promise<unknown> =>
  both.send({ method: 'DELETE', path: `${COLLECTION}/${name}` });

/** The options of lists, gets and watches in all combinations, and what watches hear of changes. */
export async function watches(both: Both): Promise<void> {
  await prepare(both);
  await put(both, 'watched', { watched: 'x' });
  const selector = 'labelSelector=watched%3Dx';
  const versions = [
    '',
    'resourceVersion=0',
    'resourceVersion=999999999999',
    'resourceVersion=x',
    'resourceVersion=-1',
    'resourceVersion=',
    'resourceVersion=1.5',
    'resourceVersion=18446744073709551615',
    'resourceVersion=18446744073709551616',
  ];
  const matches = [
    '',
    'resourceVersionMatch=NotOlderThan',
    'resourceVersionMatch=Exact',
    'resourceVersionMatch=x',
    'resourceVersionMatch=',
  ];
  const sends = ['', 'sendInitialEvents=true', 'sendInitialEvents=false', 'sendInitialEvents=x', 'sendInitialEvents='];
  const others = [
    '',
    'allowWatchBookmarks=true',
    'limit=1',
    'continue=x',
    'limit=x',
    'limit=-1',
    'timeoutSeconds=0',
    'timeoutSeconds=-1',
    'timeoutSeconds=x',
    'allowWatchBookmarks=x',
    'allowWatchBookmarks=0',
    'watch=false',
    'watch=0',
    'watch=x',
    'watch=',
  ];
  const jobs: (() => Promise<unknown>)[] = [];
  for (const version of versions)
    for (const match of matches)
      for (const send of sends) {
        const query = [selector, version, match, send].filter((part) => part !== '').join('&');
        jobs.push(() => both.compare(`LIST ?${query}`, { path: `${COLLECTION}?${query}` }));
        for (const marks of ['', '&allowWatchBookmarks=true'])
          jobs.push(() => both.compare(`WATCH ?${query}${marks}`, { path: `${COLLECTION}?watch=true&${query}${marks}`, listenMs: LISTEN_MS })); // prettier-ignore
      }
  for (const version of versions) jobs.push(() => both.compare(`GET ?${version}`, { path: `${COLLECTION}/watched?${version}` })); // prettier-ignore
  for (const other of others) {
    jobs.push(() => both.compare(`LIST ?${other}`, { path: `${COLLECTION}?${selector}&${other}`, listenMs: 3 * LISTEN_MS })); // prettier-ignore
    jobs.push(() => both.compare(`WATCH ?${other}`, { path: `${COLLECTION}?watch=1&${selector}&${other}`, listenMs: LISTEN_MS })); // prettier-ignore
    jobs.push(() => both.compare(`GET ?${other}`, { path: `${COLLECTION}/watched?${other}` }));
  }
  for (const path of [`/api/v1/watch/namespaces/${NAMESPACE}/configmaps`, `/api/v1/watch/namespaces/${NAMESPACE}/configmaps/watched`, '/api/v1/watch/configmaps', '/api/v1/watch/namespaces', '/api/v1/watch', '/api/v1/watch/frobs', '/apis/apps/v1/watch/deployments', `${COLLECTION}/watched?watch=1`])
    jobs.push(() => both.compare(`WATCH ${path}`, { path: `${path}${path.includes('?') ? '&' : '?'}${path.endsWith('watched') ? '' : selector}&timeoutSeconds=1`, listenMs: 2500 })); // prettier-ignore
  await abreast(jobs);
  await changes(both);
  await remove(both, 'watched');
}

/** Watches of every form that hear the same changes. */
async function changes(both: Both): Promise<void> {
  const partial = 'as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
  const forms = ['application/json', 'application/vnd.kubernetes.protobuf', 'application/json;as=Table;v=v1;g=meta.k8s.io', `application/json;${partial}`, `application/vnd.kubernetes.protobuf;${partial}`]; // prettier-ignore
  const queries = [
    'labelSelector=c%3Da',
    'labelSelector=c%3Da,c',
    'labelSelector=c,c!%3Da',
    'labelSelector=c+in+(a,b)',
    'labelSelector=c&fieldSelector=metadata.name%3Dchanged',
    'labelSelector=c&fieldSelector=metadata.name!%3Dchanged',
    'labelSelector=c&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true',
    'labelSelector=c&sendInitialEvents=false&resourceVersionMatch=NotOlderThan',
    'labelSelector=c&resourceVersion=0&sendInitialEvents=true&resourceVersionMatch=NotOlderThan',
    'labelSelector=c&resourceVersion=0&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=1',
    'labelSelector=c&pretty=true',
  ];
  await put(both, 'before', { c: 'a' });
  const [before, ours] = await both.send({ path: `${COLLECTION}?limit=1&labelSelector=c` });
  const versions = [before, ours].map(({ bytes }) => (JSON.parse(bytes.toString()) as { metadata: { resourceVersion: string } }).metadata.resourceVersion); // prettier-ignore
  const listening: Promise<unknown>[] = [];
  const script = async (): Promise<void> => {
    await put(both, 'changed', { c: 'a' }, { k: '1' });
    await patch(both, 'changed', { data: { k: '2' } });
    await patch(both, 'changed', { metadata: { labels: { c: 'b' } } });
    await patch(both, 'changed', { metadata: { labels: { c: null } } });
    await patch(both, 'changed', { data: { k: '3' } });
    await patch(both, 'changed', { metadata: { labels: { c: 'a' }, finalizers: ['x.io/y'] } });
    await remove(both, 'changed');
    await patch(both, 'changed', { metadata: { finalizers: null } });
    await remove(both, 'before');
  };
  for (const query of queries)
    for (const accept of forms)
      listening.push(both.compare(`WATCH changes ?${query} as ${accept}`, { path: `${COLLECTION}?watch=1&${query}`, headers: { accept }, listenMs: 9000 })); // prettier-ignore
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await script();
  await Promise.all(listening);
  // Once more, from the version before all of that.
  await abreast(
    queries.filter((query) => !query.includes('resourceVersion')).flatMap((query) =>
      forms.map((accept) => () => both.compare(`WATCH history ?${query} as ${accept}`, { path: '', headers: { accept }, listenMs: 2 * LISTEN_MS },
        (i) => ({ path: `${COLLECTION}?watch=1&${query}&resourceVersion=${versions[i]}` }))),
    ),
  ); // prettier-ignore
}

/** Watches over WebSockets. */
export async function sockets(both: Both): Promise<void> {
  await prepare(both);
  await put(both, 'watched', { watched: 'x' });
  const path = `${COLLECTION}?watch=1&labelSelector=watched%3Dx`;
  const cases: readonly (readonly [what: string, path: string, headers: Record<string, string>])[] = [
    ['without a protocol', path, {}],
    ['binary', path, { 'Sec-WebSocket-Protocol': 'binary.k8s.io' }],
    ['base64', path, { 'Sec-WebSocket-Protocol': 'base64.binary.k8s.io' }],
    ['channels', path, { 'Sec-WebSocket-Protocol': 'v4.channel.k8s.io' }],
    ['protobuf', path, { Accept: 'application/vnd.kubernetes.protobuf' }],
    ['a table', path, { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }],
    ['yaml', path, { Accept: 'application/yaml' }],
    ['an error', `${path}&resourceVersion=x`, {}],
    ['a list', `${COLLECTION}?labelSelector=watched%3Dx`, {}],
    ['a foreign origin', path, { Origin: 'https://example.com' }],
    ['no origin', path, { Origin: '' }],
    ['two protocols', path, { 'Sec-WebSocket-Protocol': 'binary.k8s.io, base64.binary.k8s.io' }],
    ['no key', path, { 'Sec-WebSocket-Key': '' }],
    ['a version of old', path, { 'Sec-WebSocket-Version': '8' }],
    ['too old', `${path}&resourceVersion=1`, {}],
    ['a timeout', `${path}&timeoutSeconds=1`, {}],
    ['bookmarks', `${path}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`, {}],
  ];
  const shown = (frames: readonly string[]): string[] =>
    frames.map((frame) => frame.replaceAll(/"(uid|resourceVersion|creationTimestamp|time)":"[^"]*"/g, '"$1":"$"'));
  for (const [what, at, headers] of cases) {
    const [real, ours] = await Promise.all(both.clients.map((client) => client.webSocket(at, headers, 2500)));
    if (what === 'protobuf')
      both.same(`WS ${what}`, real!.map((f) => f.slice(0, 8)), ours!.map((f) => f.slice(0, 8))); // prettier-ignore
    else both.same(`WS ${what}`, shown(real!), shown(ours!));
  }
  await remove(both, 'watched');
}
