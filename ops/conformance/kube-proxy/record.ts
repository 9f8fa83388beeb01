/**
 * Has a real kube-proxy write rules for the random Services of `node-agent/kube-proxy/testing/random.ts`, in a network
 * namespace of its own, and prints what it wrote, for `node-agent/kube-proxy/testdata/<mode>.golden.json`. As root:
 *
 *   node ops/conformance/kube-proxy/record.ts KUBE_PROXY nftables > nftables.golden.json
 */
import { execFileSync, spawn } from 'node:child_process';
import { GOLDEN, goldenNode } from '../../../node-agent/kube-proxy/testing/golden.ts';
import { randomSituation } from '../../../node-agent/kube-proxy/testing/random.ts';
import { serveObjects } from './api.ts';
import { apart } from './apart.ts';

const [program = 'kube-proxy', mode = 'nftables'] = process.argv.slice(2);
apart();
for (const { address } of goldenNode.status!.addresses!) execFileSync('ip', ['addr', 'add', address, 'dev', 'lo']);
const { services, slices } = randomSituation(GOLDEN.seed, GOLDEN.count);
const serviceCidrs = [{ metadata: { name: 'kubernetes' }, spec: { cidrs: GOLDEN.serviceCidrs } }];
const api = serveObjects({ services, endpointslices: slices, nodes: [goldenNode], servicecidrs: serviceCidrs });
const port = await api.listen();
const child = spawn(program, [
  `--master=http://127.0.0.1:${port}`,
  `--proxy-mode=${mode}`,
  '--hostname-override=n1',
  '--detect-local-mode=NodeCIDR',
  '--conntrack-max-per-core=0',
  '--conntrack-tcp-timeout-established=0',
  '--conntrack-tcp-timeout-close-wait=0',
  '-v=9',
]); // prettier-ignore
let log = '';
child.stderr.on('data', (bytes: Buffer) => (log += bytes.toString()));
child.stdout.resume();
/** By family; as nftables' transactions in several lines, or quoted, as bytes for iptables-restore. */
const written = (): Record<string, readonly string[]> => {
  const found: Record<string, readonly string[]> = {};
  for (const [, family = '', text = ''] of log.matchAll(
    /"Restoring iptables" ipFamily="(IPv.)" rules=("(?:[^"\\]|\\.)*")/g,
  ))
    found[family] = (JSON.parse(text) as string).trimEnd().split('\n');
  for (const [, text = ''] of log.matchAll(/transaction=<\n([\s\S]*?)\n >/g))
    found[text.includes('table ip6 ') ? 'IPv6' : 'IPv4'] = text.split('\n').map((line) => line.replace(/^\t/, ''));
  return found;
};
for (let waited = 0; waited < 120 && Object.keys(written()).length < 2; waited++)
  await new Promise((resolve) => setTimeout(resolve, 250));
child.kill();
api.close();
const found = written();
if (Object.keys(found).length < 2) console.error(log.slice(-4_000));
console.log(JSON.stringify(found));
