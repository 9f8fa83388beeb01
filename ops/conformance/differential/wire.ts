/**
 * Asks two servers for the same objects in every form the wire has, and tells where the answers part: status, headers,
 * body with the order of its members, and whether this project's codecs would have written the real server's bytes.
 *
 *   node ops/conformance/differential/wire.ts --real KUBECONFIG --ours KUBECONFIG [--only AREA]... [--resource NAME]... [--limit 200]
 *
 * Areas: reads, writes, paths, watches, sockets. Both servers should be fresh and without controllers.
 */
import { parseArgs } from 'node:util';
import { differences, type Difference } from './compare.ts';
import type { Json } from './mutate.ts';
import { WireClient, type Asked, type WireAnswer } from './wire-client.ts';
import { read } from './wire-forms.ts';
import { masked, orderOf } from './wire-mask.ts';
import { paths } from './wire-paths.ts';
import { reads } from './wire-reads.ts';
import { sockets, watches } from './wire-watches.ts';
import { writes } from './wire-writes.ts';

/** Says the same to both and compares; `own` where each is told something of its own. */
export interface Both {
  compare(name: string, asked: Asked, own?: (i: 0 | 1) => Partial<Asked>): Promise<readonly [WireAnswer, WireAnswer]>;
  /** Without comparing. */
  send(asked: Asked, own?: (i: 0 | 1) => Partial<Asked>): Promise<readonly [WireAnswer, WireAnswer]>;
  /** What both made of something else than an HTTP answer. */
  same(name: string, real: Json, ours: Json): void;
  readonly clients: readonly [WireClient, WireClient];
  readonly resources: readonly string[] | undefined;
}
const HEADERS = ['content-type', 'warning', 'vary', 'cache-control', 'retry-after', 'allow', 'location', 'content-encoding', 'x-content-type-options', 'www-authenticate']; // prettier-ignore
const PRESENT = ['etag', 'audit-id', 'x-kubernetes-pf-flowschema-uid', 'x-kubernetes-pf-prioritylevel-uid', 'last-modified', 'accept-ranges']; // prettier-ignore

const { values: flags } = parseArgs({
  options: {
    real: { type: 'string' },
    ours: { type: 'string' },
    only: { type: 'string', multiple: true },
    resource: { type: 'string', multiple: true },
    limit: { type: 'string', default: '200' },
  },
});
if (flags.real === undefined || flags.ours === undefined) {
  console.error('wire: --real and --ours name the kubeconfigs of the two servers');
  process.exit(2);
}
const clients = [new WireClient(flags.real), new WireClient(flags.ours)] as const;
let asked = 0;
const found: { name: string; parts: Difference[] }[] = [];

function report(name: string, parts: Difference[]): void {
  asked++;
  if (parts.length === 0) return;
  found.push({ name, parts });
  if (found.length > Number(flags.limit)) return;
  console.log(`\n${name}`);
  for (const { path, wanted, got } of parts) console.log(`  ${path}\n    real: ${wanted}\n    ours: ${got}`);
}
const headerOf = ({ headers }: WireAnswer, name: string): string => String(headers[name] ?? '');
function partsOf(real: Json, ours: Json): Difference[] {
  const [a, b] = [masked(real), masked(ours)];
  const parts = differences(a, b);
  if (parts.length === 0) {
    const [p, q] = [orderOf(a), orderOf(b)];
    for (const [i, line] of p.entries()) {
      if (line === q[i]) continue;
      parts.push({ path: 'order of members', wanted: line, got: q[i] ?? '(none)' });
      break;
    }
  }
  return parts;
}
const send: Both['send'] = (common, own) =>
  Promise.all(([0, 1] as const).map((i) => clients[i].ask({ ...common, ...own?.(i) }))) as Promise<[WireAnswer, WireAnswer]>; // prettier-ignore
const both: Both = {
  clients,
  resources: flags.resource,
  send,
  async compare(name, common, own) {
    const answers = await send(common, own);
    const [real, ours] = answers;
    const parts: Difference[] = [];
    if (real.status !== ours.status) parts.push({ path: 'status', wanted: `${real.status}`, got: `${ours.status}` });
    for (const header of HEADERS) {
      const [a, b] = [headerOf(real, header), headerOf(ours, header)];
      if (a !== b) parts.push({ path: header, wanted: a, got: b });
    }
    for (const header of PRESENT) {
      const [a, b] = [headerOf(real, header) !== '', headerOf(ours, header) !== ''];
      if (a !== b) parts.push({ path: `has ${header}`, wanted: `${a}`, got: `${b}` });
    }
    const [p, q] = [await read(real), await read(ours)];
    if (p.odd !== '') parts.push({ path: 'bytes', wanted: p.odd, got: q.odd });
    parts.push(...partsOf(p.value, q.value));
    report(name, parts);
    return answers;
  },
  same(name, real, ours) {
    report(name, partsOf(real, ours));
  },
};
const AREAS = { reads, writes, paths, watches, sockets };
for (const [name, area] of Object.entries(AREAS)) if (!flags.only || flags.only.includes(name)) await area(both);
console.log(`\n${asked} asked, ${found.length} answers differ`);
process.exit(found.length === 0 ? 0 : 1);
