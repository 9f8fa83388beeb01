/**
 * How a server bears many custom kinds: definitions until they are served, discovery afterwards, memory, objects of one
 * kind, and the definitions' end. Against any server, so that two can be compared; alternate them, as timings are noisy.
 *
 *   node ops/conformance/custom-kinds/bench.ts --kubeconfig FILE [--count 1000] [--objects 200] [--pid PID]... [--only PART]...
 *
 * `--pid`: processes whose memory is told, with those below them. `--only`: establish, discovery,
 * instances or remove, for definitions that are there already or stay.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { HttpsClient } from '../../testing/https.ts';
import { benchOf, discovery, establish, instances, remove } from './figures.ts';

const { values: flags } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    count: { type: 'string', default: '1000' },
    objects: { type: 'string', default: '200' },
    pid: { type: 'string', multiple: true, default: [] },
    salt: { type: 'string', default: 'bench' },
    only: { type: 'string', multiple: true },
  },
});
if (flags.kubeconfig === undefined) {
  console.error('bench: --kubeconfig names the kubeconfig of the server, as kubus up writes it');
  process.exit(2);
}
interface Consumption {
  readonly cpuMs: number;
  readonly rssKb: number;
}
const TICK_MS = 10;
/** Of processes and of those they have started, by command. */
function consumption(): Record<string, Consumption> {
  const stats = new Map<number, readonly string[]>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      stats.set(Number(name), stat.slice(stat.lastIndexOf(')') + 2).split(' '));
    } catch {
      // It has ended meanwhile.
    }
  }
  const wanted = new Set(flags.pid.map(Number));
  for (let size = -1; size !== wanted.size;) {
    size = wanted.size;
    for (const [pid, [, parent]] of stats) if (wanted.has(Number(parent))) wanted.add(pid);
  }
  const out: Record<string, Consumption> = {};
  for (const pid of wanted) {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const command = /^Name:\s+(.+)$/m.exec(status)?.[1] ?? '';
    const [user, system] = stats.get(pid)!.slice(11, 13).map(Number);
    out[`${command}/${pid}`] = {
      cpuMs: (user! + system!) * TICK_MS,
      rssKb: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0),
    };
  }
  return out;
}
const wants = (part: string): boolean => flags.only?.includes(part) ?? true;
const client = new HttpsClient(flags.kubeconfig);
const bench = benchOf(client, Number(flags.count), flags.salt);
const say = (what: string, figures: object): void => console.log(`${what} ${JSON.stringify(figures)}`);
let before = consumption();
say('before', before);
async function part(what: string, figures: Promise<object>): Promise<void> {
  say(what, await figures);
  const now = consumption();
  const used = Object.entries(now).map(([name, { cpuMs, rssKb }]) => [
    name,
    { cpuMs: cpuMs - (before[name]?.cpuMs ?? 0), rssKb, moreKb: rssKb - (before[name]?.rssKb ?? 0) },
  ]);
  say('  used', Object.fromEntries(used));
  before = now;
}
if (wants('establish')) await part('establish', establish(bench));
if (wants('discovery')) await part('discovery', discovery(bench, 30));
if (wants('instances')) await part('instances', instances(bench, Number(flags.objects)));
if (wants('remove')) await part('remove', remove(bench));
client.close();
