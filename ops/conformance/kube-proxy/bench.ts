/**
 * How long rules for many Services take, ours and a real kube-proxy's, each in a network namespace of its own. As root:
 *
 *   node ops/conformance/kube-proxy/bench.ts ours 5000 10
 *   node ops/conformance/kube-proxy/bench.ts KUBE_PROXY 5000 10
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { realWorld } from '../../../bus/real-world.ts';
import { machineCommands } from '../../../node-agent/host/commands.ts';
import { nftablesBackend } from '../../../node-agent/kube-proxy/nftables/backend.ts';
import { serviceFacts, sliceFacts } from '../../../node-agent/kube-proxy/plan/facts.ts';
import { Plan } from '../../../node-agent/kube-proxy/plan/plan.ts';
import { goldenNode, goldenSettings } from '../../../node-agent/kube-proxy/testing/golden.ts';
import { serviceOf, sliceOf } from '../../../node-agent/kube-proxy/testing/objects.ts';
import { serveObjects } from './api.ts';
import { apart } from './apart.ts';

const [who = 'ours', count = '5000', each = '10'] = process.argv.slice(2);
const CHANGES = 25;
apart();
const PORTS = [{ name: 'http', port: 80, protocol: 'TCP' as const }];
const services = Array.from({ length: Number(count) }, (_, i) => serviceOf(`s${i}`, { clusterIP: `10.96.${i >> 8}.${i & 255}`, ports: PORTS })); // prettier-ignore
const slice = (i: number, from = 0) => {
  const address = (n: number): string => `10.${64 + ((n >> 16) & 63)}.${(n >> 8) & 255}.${n & 255}`;
  const endpoints = Array.from({ length: Number(each) }, (_, j) => ({ ip: address(i * Number(each) + j + from), node: `n${j}` }));
  return sliceOf(`s${i}`, 'a', endpoints, [{ name: 'http', port: 8080 }]);
}; // prettier-ignore
const slices = services.map((_, i) => slice(i));
const quantile = (all: readonly number[], q: number): string => all.toSorted((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * q))]!.toFixed(1); // prettier-ignore

if (who === 'ours') {
  const world = realWorld({ level: 'silent' });
  const backend = nftablesBackend({ world, commands: machineCommands(world) });
  const { signal } = new AbortController();
  const settings = goldenSettings('primary');
  const plan = new Plan();
  let begun = performance.now();
  for (const service of services) plan.putService(serviceFacts(service)!);
  for (const one of slices) plan.putSlice(sliceFacts(one, 'n1')!);
  plan.changes();
  console.log(`plan of all ${(performance.now() - begun).toFixed(0)} ms`);
  begun = performance.now();
  await backend.rebuild(plan.services(), settings, signal);
  console.log(`first rules stand after ${(performance.now() - begun).toFixed(0)} ms`);
  const planned: number[] = [];
  const written: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    begun = performance.now();
    plan.putSlice(sliceFacts(slice(i * 7, i + 1), 'n1')!);
    const changes = plan.changes();
    planned.push(performance.now() - begun);
    await backend.update(changes, settings, signal);
    written.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  console.log(`one change: planned p50 ${quantile(planned, 0.5)} p99 ${quantile(planned, 0.99)} ms; rules p50 ${quantile(written, 0.5)} p99 ${quantile(written, 0.99)} ms`); // prettier-ignore
} else {
  const api = serveObjects({ services, endpointslices: slices, nodes: [goldenNode], servicecidrs: [{ metadata: { name: 'kubernetes' }, spec: { cidrs: ['10.96.0.0/16'] } }] }); // prettier-ignore
  const port = await api.listen();
  const begun = performance.now();
  const child = spawn(who, [`--master=http://127.0.0.1:${port}`, '--proxy-mode=nftables', '--hostname-override=n1', '--detect-local-mode=NodeCIDR', '--conntrack-max-per-core=0', '--conntrack-tcp-timeout-established=0', '--conntrack-tcp-timeout-close-wait=0', '-v=2']); // prettier-ignore
  let log = '';
  child.stderr.on('data', (bytes: Buffer) => (log += bytes.toString()));
  const syncs = (): number[] => [...log.matchAll(/"SyncProxyRules complete" ipFamily="IPv4" elapsed="([\d.]+)(ms|s|µs)"/g)].map(([, n, unit]) => Number(n) * (unit === 's' ? 1_000 : unit === 'ms' ? 1 : 0.001)); // prettier-ignore
  const isDone = (): boolean => syncs().some((ms) => ms > 200);
  while (!isDone()) await new Promise((resolve) => setTimeout(resolve, 20));
  console.log(`first rules stand after ${(performance.now() - begun).toFixed(0)} ms; that sync took ${Math.max(...syncs()).toFixed(0)} ms`); // prettier-ignore
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  const before = syncs().length;
  for (let i = 0; i < CHANGES; i++) {
    api.change('endpointslices', slice(i * 7, i + 1));
    await new Promise((resolve) => setTimeout(resolve, 1_300));
  }
  const changes = syncs().slice(before);
  console.log(`one change: ${changes.length} syncs, p50 ${quantile(changes, 0.5)} p99 ${quantile(changes, 0.99)} ms`);
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
  console.log(`memory ${(Number(rss) / 1_024).toFixed(0)} MB`);
  child.kill();
  api.close();
}
