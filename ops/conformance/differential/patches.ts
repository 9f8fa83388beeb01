/**
 * Tells two servers stories of patches and says where the answers part: an object is created, patched by all four types
 * in the names of several managers, mostly dry, and each answer compared. What is told is decided by the seed.
 *
 *   node ops/conformance/differential/patches.ts --real KUBECONFIG --ours KUBECONFIG [--only KIND]... [--seed 1]
 *     [--stories 5] [--steps 8] [--type merge|strategic|json|apply]... [--report FILE]
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { HttpsClient, type Answer } from '../../testing/https.ts';
import { differences, normalize, type Difference } from './compare.ts';
import type { Json } from './mutate.ts';
import { PatchMaker, poolOf, type PatchType } from './patch-makers.ts';
import { definitionOfThing, SUBJECTS, THING, type Subject } from './patch-subjects.ts';
import { Random } from './random.ts';
import { definitionOf, type Shape } from './shapes.ts';

interface Finding {
  readonly kind: string;
  readonly type: string;
  readonly seed: number;
  readonly request: string;
  readonly status: readonly [real: number, ours: number];
  readonly differences: readonly Difference[];
  readonly sent: Json;
  readonly live: Json;
}
const TYPES: Readonly<Record<PatchType, string>> = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
};
const DRY_AT_ONCE = 6;
const LONG = 'm'.repeat(129);

const { values: flags } = parseArgs({
  options: {
    real: { type: 'string' },
    ours: { type: 'string' },
    only: { type: 'string', multiple: true },
    type: { type: 'string', multiple: true },
    seed: { type: 'string', default: '1' },
    stories: { type: 'string', default: '5' },
    steps: { type: 'string', default: '8' },
    report: { type: 'string' },
  } as const,
});
if (flags.real === undefined || flags.ours === undefined) {
  console.error('patches: --real and --ours name the kubeconfigs of the two servers');
  process.exit(2);
}
const servers = [new HttpsClient(flags.real), new HttpsClient(flags.ours)] as const;
const types = (flags.type ?? Object.keys(TYPES)) as PatchType[];
const findings: Finding[] = [];
const pool = poolOf(SUBJECTS.map(({ object }) => object));

const ask = (method: string, path: string, bodies?: readonly [string, string], type = 'application/json'): Promise<[Answer, Answer]> =>
  Promise.all([0, 1].map((i) =>
    persistent(() => servers[i as 0 | 1].send(method, path, bodies?.[i as 0 | 1], bodies ? { 'content-type': type } : {})),
  )) as Promise<[Answer, Answer]>; // prettier-ignore
/** A connection that was idle may end just as it is used again; where that happens twice the server gave up. */
const persistent = (send: () => Promise<Answer>): Promise<Answer> =>
  send().catch(() => send()).catch((error: Error) => ({ status: 0, headers: {}, text: JSON.stringify(error.message) })); // prettier-ignore
const same = (body: Json): [string, string] => [JSON.stringify(body), JSON.stringify(body)];
function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

type Live = { readonly metadata: { readonly uid: string; readonly resourceVersion: string; readonly creationTimestamp: string }; readonly spec?: { readonly clusterIP?: string } }; // prettier-ignore
/** What the two servers chose differently, as texts to exchange. */
const choices = ([real, ours]: readonly [Live, Live]): [string, string][] =>
  (
    [
      [real.metadata.uid, ours.metadata.uid],
      [`"${real.metadata.resourceVersion}"`, `"${ours.metadata.resourceVersion}"`],
      [real.metadata.creationTimestamp, ours.metadata.creationTimestamp],
      [real.spec?.clusterIP ?? '', ours.spec?.clusterIP ?? ''],
    ] as [string, string][]
  ).filter(([a, b]) => a !== '' && b !== '' && a !== b && a !== 'None');
/** Versions and times in an object that a message prints. */
const withoutVersions = (text: string): string =>
  text.replaceAll(/(resourceVersion\\+":\\+")\d+/g, '$1').replaceAll(/(time\\+":\\+")[\d:TZ-]+/g, '$1');
const exchange = (text: string, pairs: readonly (readonly [string, string])[]): string =>
  pairs.reduce((out, [from, to]) => out.replaceAll(from, to), text);

/** Notes what differs in two answers. */
function judge(answers: readonly [Answer, Answer], lives: readonly [Live, Live] | undefined, about: Omit<Finding, 'status' | 'differences'>): void {
  const [real, ours] = answers;
  // It panics on some; nothing is to be learnt from that.
  if (real.status === 0 && ours.status !== 0) return;
  const back = lives === undefined ? [] : choices(lives).map(([a, b]) => [b, a] as const);
  const parts = differences(normalize(parsed(withoutVersions(real.text))), normalize(parsed(withoutVersions(exchange(ours.text, back)))));
  for (const header of ['warning', 'content-type']) {
    const [wanted, got] = [real, ours].map(({ headers }) => String(headers[header] ?? ''));
    if (wanted !== got) parts.push({ path: header, wanted: wanted!, got: got! });
  }
  if (parts.length > 0 && parts.every(({ wanted, got }) => lines(wanted) === lines(got))) return;
  if (real.status !== ours.status || parts.length > 0)
    findings.push({ ...about, status: [real.status, ours.status], differences: parts });
} // prettier-ignore

/** Errors of several fields come in the random order of Go's maps; how a scheme is called is the build's. */
const lines = (given: string): string => {
  const text = given.replaceAll(/scheme "pkg[^"]*"/g, 'scheme');
  return text.includes('\n') ? text.split('\n').sort().join('\n') : text;
};

let asked = 0;
async function tell(subject: Subject, shape: Shape, seed: number): Promise<void> {
  const random = new Random(seed);
  const name = `${subject.name}-${seed}`;
  const path = `${subject.path}/${name}`;
  const kind = `${String(subject.object['apiVersion'])} ${String(subject.object['kind'])}`;
  const object: Json = { ...subject.object, metadata: { ...(subject.object['metadata'] as object), name } };
  const about = { kind, seed, live: null, sent: object };
  const created = random.chance(0.6)
    ? await ask('POST', `${subject.path}?fieldManager=${random.pick(['creator', 'kubectl-client-side-apply', ''])}`, same(object)) // prettier-ignore
    : await ask('PATCH', `${path}?fieldManager=one`, same(object), TYPES.apply);
  judge(created, undefined, { ...about, type: 'create', request: path });
  for (let step = 0; step < Number(flags.steps); step++) {
    const answers = await ask('GET', path);
    if (answers.some(({ status }) => status !== 200)) break;
    const lives = answers.map(({ text }) => parsed(text)) as unknown as [Live, Live];
    if (differences(normalize(lives[0]), normalize(lives[1])).length > 0) break;
    const one = async (isDry: boolean): Promise<void> => {
      const type = subject.shape === undefined || types.length === 1 ? random.pick(types) : random.pick(types.filter((t) => t !== 'strategic')); // prettier-ignore
      const subresource = random.chance(0.15) ? random.pick(['', ...subject.subresources]) : '';
      const patch = new PatchMaker(type, random, pool).make(lives[0], shape);
      const query = new URLSearchParams(isDry ? { dryRun: 'All' } : {});
      if (type === 'apply' ? random.chance(0.98) : random.chance(0.6)) query.set('fieldManager', random.pick(['one', 'one', 'two', 'kubectl', 'creator', ...(random.chance(0.03) ? ['', LONG, 'ä\n'] : [])])); // prettier-ignore
      if (type === 'apply' ? random.chance(0.5) : random.chance(0.01))
        query.set('force', random.pick(['true', 'true', 'false']));
      if (random.chance(0.3)) query.set('fieldValidation', random.pick(['Strict', 'Warn', 'Ignore']));
      const request = `${path}${subresource && `/${subresource}`}?${query.toString()}`;
      const text = JSON.stringify(patch);
      const both = await ask('PATCH', request, [text, exchange(text, choices(lives))], TYPES[type]);
      asked++;
      judge(both, lives, { kind, type: subresource ? `${type} ${subresource}` : type, seed, request, sent: patch, live: lives[0] }); // prettier-ignore
    };
    // What is drawn must not depend on who answers first: each draws before it waits.
    await Promise.all(Array.from({ length: DRY_AT_ONCE }, () => one(true)));
    await one(false);
  }
  await ask('PATCH', path, same({ metadata: { finalizers: null } }), TYPES.merge);
  await ask('DELETE', `${path}?gracePeriodSeconds=0&propagationPolicy=Background`);
}

await ask('POST', '/api/v1/namespaces', same({ apiVersion: 'v1', metadata: { name: 'patched' } }));
await ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', same(definitionOfThing));
const until = Date.now() + 20_000;
for (;;) {
  const found = await ask('GET', `/apis/patched.example.com/v1/namespaces/patched/things`);
  if (found.every(({ status }) => status === 200)) break;
  if (Date.now() > until) throw new Error(`${THING} is not served`);
  await new Promise((resolve) => setTimeout(resolve, 300));
}
for (const subject of SUBJECTS) {
  const { apiVersion, kind } = subject.object as { apiVersion: string; kind: string };
  if (flags.only !== undefined && !flags.only.some((one) => kind === one || `${apiVersion} ${kind}` === one)) continue;
  const before = [asked, findings.length] as const;
  const shape = subject.shape ?? { ref: definitionOf(apiVersion, kind)! };
  for (let i = 0; i < Number(flags.stories); i++) await tell(subject, shape, Number(flags.seed) + i);
  console.log(`${apiVersion} ${kind}: ${asked - before[0]} asked, ${findings.length - before[1]} answers differ`);
}
for (const server of servers) server.close();
if (flags.report !== undefined) writeFileSync(flags.report, findings.map((f) => `${JSON.stringify(f)}\n`).join(''));
console.log(`${asked} asked, ${findings.length} answers differ`);
