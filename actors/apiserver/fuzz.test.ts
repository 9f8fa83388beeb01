import fc from 'fast-check';
import { Agent } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensurePki } from '../../ops/pki/pki.ts';
import { encodeObject } from '../../schemas/codec/protobuf-envelope.ts';
import { httpsCall, type HttpsAnswer } from './testing/https-call.ts';
import { startServers, tempFolder, type TestServers } from './testing/servers.ts';

/** How many values each decoder is given in CI: one or two seconds. By number, not by time: a busy machine tries as many. */
const RUNS = 500;

let all: TestServers;
let agent: Agent;
const folder = tempFolder();
const NODES = '/api/v1/nodes';
const PODS = '/api/v1/namespaces/default/podtemplates';
const POD = {
  apiVersion: 'v1', kind: 'PodTemplate', metadata: { name: 'fuzzed', labels: { a: 'b' }, annotations: { c: 'd' } },
  template: { spec: { containers: [{ name: 'c', image: 'i', env: [{ name: 'E', value: 'x' }], ports: [{ containerPort: 80 }] }], tolerations: [{ key: 'k', operator: 'Exists' }] } },
}; // prettier-ignore
beforeAll(async () => {
  const pki = await ensurePki(folder.path, ['127.0.0.1'], Date.now());
  all = await startServers(1, pki);
  agent = new Agent({ keepAlive: true, ca: pki.ca });
  expect(await ask('POST', NODES, 'application/json', JSON.stringify(NODE))).toMatchObject({ status: 201 });
});
afterAll(async () => {
  agent.destroy();
  await all.stop();
  folder.remove();
});
const NODE = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'fuzzed', labels: { a: 'b' } }, spec: { podCIDRs: ['10.0.0.0/24'], taints: [{ key: 'k', effect: 'NoSchedule' }] } }; // prettier-ignore

const ask = (method: string, path: string, type?: string, body?: string | Buffer): Promise<HttpsAnswer> => {
  const headers = { authorization: 'Bearer secret', ...(type !== undefined && { 'content-type': type }) };
  return httpsCall({ port: all.servers[0]!.port, path, method, agent, headers }, body);
};
/** What the real server calls an internal error too: what its patch libraries and apply cannot read. Of nothing else. */
const REAL_500 =
  /\$patch|\$retainKeys|\$setElementOrder|\$deleteFromPrimitiveList|merge ?key|patch|api field|typed|schema|managed fields|converting|cannot|expected|invalid/i;
async function holds(answer: Promise<HttpsAnswer>, isPatch: boolean): Promise<void> {
  const { status, text } = await answer;
  if (status < 500) return;
  const { message = '' } = JSON.parse(text) as { message?: string };
  expect(message).not.toMatch(/is not a function|is not iterable|Cannot (?:read|set|convert)|undefined|call stack|BigInt|\[object|RangeError|TypeError/); // prettier-ignore
  expect([isPatch, message]).toEqual([true, expect.stringMatching(REAL_500)]);
}
const fuzz = async <T>(
  values: fc.Arbitrary<T>,
  send: (value: T) => Promise<HttpsAnswer>,
  isPatch = false,
): Promise<void> => {
  await fc.assert(
    fc.asyncProperty(values, (value) => holds(send(value), isPatch)),
    { numRuns: RUNS },
  );
};

const word = fc.oneof(
  fc.constantFrom('metadata', 'spec', 'labels', 'annotations', 'finalizers', 'taints', 'managedFields', 'ownerReferences', 'name', 'kind', 'apiVersion', 'key', 'effect', '$patch', '$retainKeys', '$setElementOrder/taints', '$deleteFromPrimitiveList/finalizers', 'merge', 'replace', 'delete', '__proto__', 'constructor', 'v1', 'Node', 'a', ''),
  fc.string({ maxLength: 6 }),
); // prettier-ignore
const leaf = fc.oneof(word, fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.constantFrom('1Gi', '10%', '2020-01-01T00:00:00Z', -0)); // prettier-ignore
const { json } = fc.letrec((tie) => ({
  json: fc.oneof({ maxDepth: 5, withCrossShrink: true }, leaf, fc.array(tie('json'), { maxLength: 4 }), fc.dictionary(word, tie('json'), { maxKeys: 5 })), // prettier-ignore
}));
/** A good object with something else in one place. */
const bent = (good: object): fc.Arbitrary<object> =>
  fc.tuple(fc.array(word, { minLength: 1, maxLength: 4 }), json).map(([path, value]) => {
    const whole = structuredClone(good) as Record<string, unknown>;
    let at = whole;
    for (const key of path.slice(0, -1)) {
      const next = Object.hasOwn(at, key) ? at[key] : undefined;
      if (typeof next !== 'object' || next === null) break;
      at = next as Record<string, unknown>;
    }
    Object.defineProperty(at, path.at(-1)!, { value, enumerable: true, configurable: true, writable: true });
    return whole;
  });
/** A text with a piece missing, doubled or exchanged. */
const torn = (text: string): fc.Arbitrary<string> =>
  fc.tuple(fc.nat(text.length), fc.nat(20), fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\u', '\n', '\t', '&a', '*a', '---', '<<: ', '!!', '%', '|', '>'))).map(([at, cut, put]) => text.slice(0, at) + put + text.slice(at + cut)); // prettier-ignore
const ONE = `${NODES}/fuzzed?dryRun=All`;
const patchWith = (type: string, query = '') => (body: unknown): Promise<HttpsAnswer> =>
  ask('PATCH', `${ONE}${query}`, type, typeof body === 'string' ? body : JSON.stringify(body)); // prettier-ignore

describe('whatever comes, the server answers, and never that it failed: ', () => {
  it('JSON', () => fuzz(fc.oneof(torn(JSON.stringify(NODE)), bent(NODE).map((o) => JSON.stringify(o)), json.map((o) => JSON.stringify(o))), (body) => ask('POST', `${NODES}?dryRun=All`, 'application/json', body))); // prettier-ignore
  it('YAML', () => fuzz(fc.oneof(torn('kind: Node\nmetadata:\n  name: fuzzed\n  labels: &l {a: b}\n  annotations: *l\nspec:\n  podCIDRs: [10.0.0.0/24]\n'), fc.string()), (body) => ask('POST', `${NODES}?dryRun=All`, 'application/yaml', body))); // prettier-ignore
  it('protobuf', () => {
    const good = encodeObject('io.k8s.api.core.v1.PodTemplate', 'v1', 'PodTemplate', POD);
    const bytes = fc.tuple(fc.nat(good.length - 1), fc.nat(255), fc.nat(4), fc.boolean()).map(([at, byte, more, cut]) => {
      const copy = Buffer.from(cut ? good.subarray(0, at + 1) : good);
      for (let i = 0; i <= more; i++) if (at + i * 3 < copy.length) copy[at + i * 3] = (byte * (i + 1)) & 0xff;
      return copy;
    }); // prettier-ignore
    return fuzz(bytes, (body) => ask('POST', `${PODS}?dryRun=All`, 'application/vnd.kubernetes.protobuf', body));
  });
  it('JSON patches', () => {
    const pointer = fc.array(fc.oneof(word, fc.constantFrom('0', '-', '~0', '~1', '~2', '01', '-1', '99999999999')), { maxLength: 5 }).map((parts) => parts.map((p) => `/${p}`).join('')); // prettier-ignore
    const operation = fc.record({ op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'x'), path: fc.oneof(pointer, json), from: pointer, value: json }, { requiredKeys: [] }); // prettier-ignore
    return fuzz(fc.oneof(fc.array(operation, { maxLength: 4 }), json), patchWith('application/json-patch+json'), true);
  });
  it('merge patches', () => fuzz(fc.oneof(json, bent(NODE)), patchWith('application/merge-patch+json'), true));
  it('strategic merge patches', () => fuzz(fc.oneof(json, bent(NODE)), patchWith('application/strategic-merge-patch+json'), true)); // prettier-ignore
  it('applied configurations', () => fuzz(fc.oneof(json, bent(NODE)), patchWith('application/apply-patch+yaml', '&fieldManager=fuzz&force=true'), true)); // prettier-ignore
  it('selectors and options of lists', () => {
    const text = fc.oneof(fc.string(), fc.array(fc.constantFrom('a', ' ', ',', '=', '!=', '==', '!', ' in ', ' notin ', '(', ')', 'x/y', '>', '<', '1', '\\', 'metadata.name', 'spec.unschedulable'), { maxLength: 10 }).map((parts) => parts.join(''))); // prettier-ignore
    const parameter = fc.constantFrom('labelSelector', 'fieldSelector', 'limit', 'resourceVersionMatch', 'sendInitialEvents', 'includeObject', 'pretty', 'timeout'); // prettier-ignore
    return fuzz(fc.array(fc.tuple(parameter, text), { maxLength: 3 }), (query) => ask('GET', `${NODES}?${new URLSearchParams(query).toString()}`)); // prettier-ignore
  });
  // What no server has written yet is waited for, here as there: too long to be one of many.
  it('a continue token of the future is told so', async () => {
    const token = Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: 1e15, start: 'a' })).toString('base64url');
    const { status, text } = await ask('GET', `${NODES}?limit=1&continue=${token}`);
    expect([status, text]).toEqual([504, expect.stringContaining('Timeout: Too large resource version: 1000000000000000, current: ')]); // prettier-ignore
  });
  it('continue tokens', () => {
    const token = json.map((o) => Buffer.from(JSON.stringify(o)).toString('base64url'));
    const near = fc.tuple(fc.constantFrom('meta.k8s.io/v1', 'v2', ''), fc.integer({ max: 100 }), fc.oneof(fc.string(), fc.constantFrom('/', '../x', '/a\u0000', '//'))).map(([v, rv, start]) => Buffer.from(JSON.stringify({ v, rv, start })).toString('base64url')); // prettier-ignore
    return fuzz(fc.oneof(token, near, fc.string()), (text) => ask('GET', `${NODES}?limit=1&continue=${encodeURIComponent(text)}`)); // prettier-ignore
  });
});
