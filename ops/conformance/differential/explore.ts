/**
 * Asks two servers the same about thousands of objects that differ from a good one in one place, and tells where the
 * answers part. What the first one takes is explored further.
 *
 *   node ops/conformance/differential/explore.ts --real KUBECONFIG --ours KUBECONFIG [--only RESOURCE]... [--budget 2000]
 *     (`--only custom`: a kind of one's own)  [--create] [--update] [--status] [--apply] [--report FILE]
 *     (`--empties`: asks only what an empty list or map, or null, in some place makes of an object)
 *
 * Nothing is kept but one object of each kind, in a namespace of its own; both servers should be fresh and without
 * controllers. The good objects come from the recorded suite (`../shared/oracle`).
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { HttpsClient, type Answer } from '../../testing/https.ts';
import { customKind } from './custom-kinds.ts';
import { differences, normalize, type Difference } from './compare.ts';
import { material } from './material.ts';
import { variants, type Dictionary, type Json, type Variant } from './mutate.ts';
import { definitionOf, served, type Served } from './shapes.ts';

type Operation = 'create' | 'update' | 'status' | 'apply';
interface Finding {
  readonly resource: string;
  readonly operation: Operation;
  readonly signature: string;
  readonly path: string;
  readonly status: readonly [real: number, ours: number];
  readonly differences: readonly Difference[];
  readonly sent: Json;
}
const OPERATIONS: readonly Operation[] = ['create', 'update', 'status', 'apply'];
const NAMESPACE = 'explored';
/** What the servers choose, or what must stay for the object to be the same one. */
const SKIP = new Set(['apiVersion', 'kind', 'metadata.uid', 'metadata.resourceVersion', 'metadata.creationTimestamp', 'metadata.managedFields', 'metadata.namespace', 'metadata.selfLink', 'metadata.generation', 'metadata.name', 'metadata.generateName']); // prettier-ignore

const { values: flags } = parseArgs({
  options: {
    real: { type: 'string' },
    ours: { type: 'string' },
    only: { type: 'string', multiple: true },
    budget: { type: 'string', default: '2000' },
    report: { type: 'string' },
    empties: { type: 'boolean', default: false },
    ...Object.fromEntries(OPERATIONS.map((o) => [o, { type: 'boolean' } as const])),
  } as const,
});
if (flags.real === undefined || flags.ours === undefined) {
  console.error('explore: --real and --ours name the kubeconfigs of the two servers');
  process.exit(2);
}
const servers = [new HttpsClient(flags.real), new HttpsClient(flags.ours)] as const;
const asked = OPERATIONS.filter((o) => (flags as Record<string, unknown>)[o] === true);
const operations = asked.length > 0 ? asked : OPERATIONS;
const findings: Finding[] = [];
const seen = new Set<string>();

const both = (method: string, path: string, bodies: readonly [Json, Json] | undefined, type = 'application/json'): Promise<[Answer, Answer]> =>
  Promise.all([0, 1].map((i) =>
    servers[i as 0 | 1]
      .send(method, path, bodies && JSON.stringify(bodies[i]), bodies ? { 'content-type': type } : {})
      // No answer is a difference too.
      .catch((error: unknown) => ({ status: 0, text: String(error), headers: {} })),
  )) as Promise<[Answer, Answer]>; // prettier-ignore
const bodyOf = ({ text }: Answer): Json => {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
};

const pathOf = ({ groupVersion, name, namespaced }: Served): string =>
  `${groupVersion.includes('/') ? '/apis' : '/api'}/${groupVersion}${namespaced ? `/namespaces/${NAMESPACE}` : ''}/${name}`;
const named = (object: Json, given: string): Json => {
  const { metadata, ...rest } = object as {
    metadata?: { [key: string]: Json };
    spec?: { group?: string; names?: { plural: string } };
  };
  // A definition's name says what it defines.
  const name = rest.spec?.names ? `${rest.spec.names.plural}.${rest.spec.group ?? ''}` : given;
  const { namespace: _, generateName: __, ...others } = metadata ?? {};
  return { ...rest, metadata: { ...others, name } };
};

/** Under a name of ours; under its own if that is refused: some kinds' names say what they are. */
async function wellNamed(collection: string, base: Json, name: string): Promise<Json> {
  const renamed = named(base, name);
  const own = metadataOf(base)?.['name'];
  if (typeof own !== 'string') return renamed;
  const { status } = await servers[0].send('POST', `${collection}?dryRun=All`, JSON.stringify(renamed), {
    'content-type': 'application/json',
  });
  return status === 422 ? named(base, own) : renamed;
}

async function compare(
  resource: Served, operation: Operation, variant: Variant, ask: (object: Json) => Promise<[Answer, Answer]>,
): Promise<boolean> {
  const [real, ours] = await ask(variant.object);
  const parts = differences(normalize(bodyOf(real)), normalize(bodyOf(ours)));
  const warned = ([real, ours] as const).map(({ headers }) => String(headers['warning'] ?? ''));
  if (warned[0] !== warned[1]) parts.push({ path: 'warning', wanted: warned[0]!, got: warned[1]! });
  if (real.status !== ours.status || parts.length > 0)
    findings.push({
      resource: `${resource.groupVersion}/${resource.name}`, operation, signature: variant.signature, path: variant.path.join('.'),
      status: [real.status, ours.status], differences: parts, sent: variant.object,
    });
  return real.status < 300;
} // prettier-ignore

const placeOf = ({ signature, empties }: Variant): string =>
  empties ? signature : signature.slice(0, signature.indexOf(': '));

/** Breadth first: what was taken and is larger is looked into in its turn. */
async function roam(
  resource: Served, operation: Operation, bases: readonly Json[], definition: string, dictionary: Dictionary,
  skip: ReadonlySet<string>, ask: (object: Json) => Promise<[Answer, Answer]>,
): Promise<number> {
  const queue = [...bases];
  let left = Number(flags.budget);
  const added = new Set<string>();
  for (let base = queue.shift(); base !== undefined && left > 0; base = queue.shift()) {
    const pending = new Set<Promise<void>>();
    for (const variant of variants(base, definition, dictionary, skip)) {
      const id = `${operation} ${variant.signature}`;
      if (seen.has(id)) continue;
      seen.add(id);
      // What else may stand in a place is asked only once, to get below it.
      if (flags.empties && !variant.empties && (!variant.grows || added.has(placeOf(variant)))) continue;
      added.add(placeOf(variant));
      if (left-- <= 0) break;
      const one = compare(resource, operation, variant, ask).then((taken) => {
        if (taken && variant.grows) queue.push(variant.object);
        pending.delete(one);
      });
      pending.add(one);
      if (pending.size >= 8) await Promise.race(pending);
    }
    await Promise.all(pending);
  }
  return Number(flags.budget) - Math.max(left, 0);
} // prettier-ignore

async function explore(resource: Served, bases: readonly Json[], dictionary: Dictionary): Promise<void> {
  const definition = definitionOf(resource.groupVersion, resource.kind);
  if (definition === undefined) return;
  const collection = pathOf(resource);
  const dry = '?dryRun=All&fieldManager=explorer';
  const before = findings.length;
  let tried = 0;
  // Reviews are stored nowhere and refuse a name.
  const stored = resource.verbs.some((verb) => verb !== 'create');
  const objects = stored ? await Promise.all(bases.map((base, i) => wellNamed(collection, base, `base-${i}`))) : bases;
  if (operations.includes('create') && resource.verbs.includes('create'))
    tried += await roam(resource, 'create', objects, definition, dictionary, SKIP, (object) =>
      both('POST', `${collection}${dry}`, [object, object]),
    );
  if (operations.includes('apply') && resource.verbs.includes('patch'))
    tried += await roam(resource, 'apply', objects.slice(0, 2), definition, dictionary, SKIP, (object) =>
      both('PATCH', `${collection}/${nameOf(object)}${dry}`, [object, object], 'application/apply-patch+yaml'),
    );
  for (const object of objects.slice(0, 3)) {
    if (!resource.verbs.includes('update')) break;
    const name = nameOf(object);
    await both('POST', `${collection}?fieldManager=explorer`, [object, object]);
    // Some conditions are set a moment later.
    await new Promise((later) => setTimeout(later, 300));
    const [real, ours] = (await both('GET', `${collection}/${name}`, undefined)).map(bodyOf) as [Json, Json];
    if (metadataOf(real) === undefined || metadataOf(ours) === undefined) continue;
    const [theirs, back] = choices(specOf(real), specOf(ours));
    const put =
      (part: string) =>
      async (changed: Json): Promise<[Answer, Answer]> => {
        const here = exchange({ ...(changed as object), ...(isObject(metadataOf(changed)) && { metadata: own(changed, ours) }) }, theirs); // prettier-ignore
        const [a, b] = await both('PUT', `${collection}/${name}${part}${dry}`, [changed, here]);
        return [a, back.size === 0 ? b : { ...b, text: JSON.stringify(exchange(bodyOf(b), back)) }];
      };
    const { managedFields: _, ...metadata } = metadataOf(real)!;
    const fresh = { ...(real as object), metadata } as Json;
    if (operations.includes('update'))
      tried += await roam(resource, 'update', [fresh], definition, dictionary, new Set([...SKIP, 'status']), put(''));
    const hasStatus = served.some(
      (s) => s.groupVersion === resource.groupVersion && s.name === `${resource.name}/status`,
    );
    if (hasStatus && operations.includes('status'))
      tried += await roam(
        resource,
        'status',
        [fresh],
        definition,
        dictionary,
        new Set([...SKIP, 'spec']),
        put('/status'),
      );
    await both('DELETE', `${collection}/${name}`, undefined);
    // Nobody is there who would take away what protects it.
    const bare = { metadata: { finalizers: null } };
    await both('PATCH', `${collection}/${name}`, [bare, bare], 'application/merge-patch+json');
  }
  console.log(`${resource.groupVersion}/${resource.name}: ${tried} asked, ${findings.length - before} answers differ`);
}
const metadataOf = (object: Json): { [key: string]: Json } | undefined =>
  (object as { metadata?: { [key: string]: Json } }).metadata;
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
const nameOf = (object: Json): string => String(metadataOf(object)?.['name']);
/** The identity of the object there, the rest of the metadata of the one that was sent here. */
const own = (sent: Json, there: Json): Json => {
  const { uid, resourceVersion, creationTimestamp } = metadataOf(there)!;
  return { ...metadataOf(sent), uid: uid!, resourceVersion: resourceVersion!, creationTimestamp: creationTimestamp! };
};

/** Where servers choose: the spec, and when a phase began. */
const specOf = (object: Json): Json => {
  const { spec = null, status } = object as { spec?: Json; status?: { lastPhaseTransitionTime?: string } };
  return [spec, status?.lastPhaseTransitionTime ?? null];
};
type Choices = Map<Json, Json>;
/** What each server chose for the same object, such as addresses and node ports: the other's word for it, both ways. */
function choices(real: Json, ours: Json, found: [Choices, Choices] = [new Map(), new Map()]): [Choices, Choices] {
  if (typeof real === 'object' && real !== null && typeof ours === 'object' && ours !== null)
    for (const [key, value] of Object.entries(real)) choices(value, (ours as { [key: string]: Json })[key]!, found);
  else if (real !== ours && typeof real === typeof ours && (typeof real === 'string' || typeof real === 'number')) {
    found[0].set(real, ours);
    found[1].set(ours, real);
  }
  return found;
}
/** Values and the words of messages. */
function exchange(value: Json, words: Choices): Json {
  if (Array.isArray(value)) return value.map((item) => exchange(item, words));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, exchange(part, words)]));
  if (words.has(value)) return words.get(value)!;
  if (typeof value !== 'string') return value;
  return value.replaceAll(/[\w.:]+/g, (word) => String(words.get(word) ?? words.get(Number(word)) ?? word));
}

const { bases, dictionary } = material();
const meta = { apiVersion: 'v1', metadata: { name: NAMESPACE } };
await both('POST', '/api/v1/namespaces', [meta, meta]);
const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
await both('POST', `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, [account, account]);
for (const resource of served) {
  const id = `${resource.groupVersion}/${resource.name}`;
  if (resource.name.includes('/') || (flags.only && !flags.only.some((o) => id === o || resource.name === o))) continue;
  const known = bases.get(id);
  if (known !== undefined) await explore(resource, known, dictionary);
  else if (flags.only) console.log(`${id}: no good object is known`);
}
if (flags.only?.includes('custom')) {
  const ask = (method: string, path: string, body?: Json) =>
    both(method, path, body === undefined ? undefined : [body, body]);
  const custom = await customKind(ask);
  await explore(custom.served, custom.objects, dictionary);
}
for (const server of servers) server.close();
if (flags.report !== undefined) writeFileSync(flags.report, findings.map((f) => `${JSON.stringify(f)}\n`).join(''));
console.log(`${findings.length} answers differ`);
