import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { PLACES, shortName, type Cluster } from './cluster.ts';
import { bindVolumes } from './binder.ts';
import { StandIn, type Written } from './stand-in.ts';
import type { Verdict } from './verdict.ts';

const LINE = /^[IWE]\d{4} \S+\s+\d+ \S+\] "((?:[^"\\]|\\.)*)"(.*)$/;
const FIELD = / (\w+)=("(?:[^"\\]|\\.)*"|\S+)/g;
const BIN = join(homedir(), '.cache/kubus-oracle/bin/kube-scheduler');
const LEAVING = 'Victim Pod is already being deleted, skipping the API call for it';
const LEAVING_MS = 300;
const PATIENCE_MS = 10_000;

interface Logged {
  readonly message: string;
  readonly fields: Readonly<Record<string, string>>;
}
interface Waiting {
  readonly what: string;
  readonly isDone: () => boolean;
  readonly resolve: () => void;
}
/**
 * The real kube-scheduler before a stand-in of an API server: what it logs and writes about one pod is its verdict. One
 * cluster after the other; what decides nothing about other pods (claims, Services, ...) may lie there from the beginning.
 */
export class RealScheduler {
  readonly #standIn = new StandIn((written) => this.#heard(written));
  readonly #folder = mkdtempSync(join(tmpdir(), 'kubus-placement-'));
  #process: ChildProcess | undefined;
  #logged: Logged[] = [];
  #written: Written[] = [];
  #waiting: Waiting | undefined;

  async start(): Promise<void> {
    const server = await this.#standIn.listen();
    const kubeconfig = this.#file('kubeconfig', { apiVersion: 'v1', kind: 'Config', 'current-context': 'it', clusters: [{ name: 'it', cluster: { server } }], users: [{ name: 'it', user: {} }], contexts: [{ name: 'it', context: { cluster: 'it', user: 'it' } }] }); // prettier-ignore
    const config = this.#file('config', {
      apiVersion: 'kubescheduler.config.k8s.io/v1',
      kind: 'KubeSchedulerConfiguration',
      leaderElection: { leaderElect: false },
      clientConnection: { kubeconfig, contentType: 'application/json', acceptContentTypes: 'application/json', qps: 10_000, burst: 10_000 }, // prettier-ignore
      percentageOfNodesToScore: 100,
    });
    const vmodule = 'schedule_one=10,eventhandlers=4,preemption=5,executor=5';
    const scheduler = spawn(BIN, [`--config=${config}`, '--secure-port=0', `--vmodule=${vmodule}`], { stdio: ['ignore', 'ignore', 'pipe'] }); // prettier-ignore
    this.#process = scheduler;
    scheduler.on('exit', (code) => {
      if (this.#process !== undefined) throw new Error(`kube-scheduler ended early (${code})`);
    });
    createInterface(scheduler.stderr).on('line', (line) => this.#read(line));
  }
  stop(): void {
    const process = this.#process;
    this.#process = undefined;
    process?.kill();
    this.#standIn.close();
    rmSync(this.#folder, { recursive: true });
  }
  /** Puts there what decides nothing about other clusters' pods; resolves when it may be believed to have been seen. */
  async prepare(clusters: readonly Cluster[], settleMs: number): Promise<void> {
    for (const cluster of clusters)
      for (const [resource, objects] of Object.entries(cluster.beside))
        for (const object of objects) this.#standIn.put(resource, object);
    await new Promise((resolve) => setTimeout(resolve, settleMs));
  }
  /** What becomes of the cluster's pod. */
  async judge(cluster: Cluster): Promise<Verdict> {
    const { nodes, pods, pod } = cluster;
    this.#forget();
    for (const node of nodes) this.#standIn.put(PLACES.nodes, node);
    for (const each of pods) this.#standIn.put(PLACES.pods, each);
    const inCache = pods.filter((p) => p.spec?.nodeName);
    await this.#until('the cluster is known', () => this.#count('Add event for node') === nodes.length && this.#count('Add event for scheduled pod') === inCache.length); // prettier-ignore
    this.#forget();
    this.#standIn.put(PLACES.pods, pod);
    await this.#until('the pod is tried', () => this.#decided());
    if (this.#condition()?.nominated !== undefined) await this.#preempted();
    const verdict = this.#verdict(cluster);
    await this.#clear(cluster);
    return verdict;
  }
  /** Of victims that are leaving already nothing more is told, and where there are no others it does not say that it is done. */
  async #preempted(): Promise<void> {
    const isDone = (): boolean => this.#count('Async Preemption finished completely') > 0;
    if (this.#count(LEAVING) === 0) return this.#until('the victims are gone', isDone);
    await this.#until('it says so', isDone, LEAVING_MS).catch(() => undefined);
  }
  async #clear({ nodes, pods, pod }: Cluster): Promise<void> {
    const bound = this.#binding();
    this.#forget();
    if (bound !== undefined) {
      this.#standIn.put(PLACES.pods, { ...pod, spec: { ...pod.spec, nodeName: bound } } as Pod);
      await this.#until('the pod is placed', () => this.#count('Add event for scheduled pod') === 1);
    }
    this.#standIn.remove(PLACES.pods, pod);
    for (const each of pods) this.#standIn.remove(PLACES.pods, each);
    const gone = pods.filter((p) => p.spec?.nodeName).length + (bound === undefined ? 0 : 1);
    await this.#until('the pods are gone', () => this.#count('Delete event for scheduled pod') === gone && this.#count('Delete event for unscheduled pod') >= 1); // prettier-ignore
    for (const node of nodes) this.#standIn.remove(PLACES.nodes, node);
    await this.#until('the nodes are gone', () => this.#count('Delete event for node') === nodes.length);
  }
  #verdict({ nodes, pods }: Cluster): Verdict {
    const names = nodes.map((node) => node.metadata.name!);
    const scores: Record<string, number[]> = {};
    for (const { message, fields } of this.#logged)
      if (message === 'Plugin scored node for pod')
        (scores[fields['plugin']!] ??= Array<number>(names.length).fill(-1))[names.indexOf(fields['node']!)] = Number(fields['score']); // prettier-ignore
    const bound = this.#binding();
    const { message, nominated } = this.#condition() ?? {};
    const some = Object.values(scores)[0];
    const feasible = some === undefined ? (bound === undefined ? [] : [names.indexOf(bound)]) : [...some.keys()].filter((i) => some[i]! >= 0); // prettier-ignore
    const gone = this.#written.filter((w) => w.method === 'DELETE').map((w) => w.name);
    const leaving = this.#logged.filter((l) => l.message === LEAVING).map((l) => l.fields['victim']!.split('/')[1]!);
    const victims = [...gone, ...leaving].map((name) => pods.findIndex((p) => p.metadata.name === name));
    return {
      feasible,
      ...(some !== undefined && { scores }),
      ...(message !== undefined && { message: shortName(message) }),
      ...(nominated !== undefined && { nominated: names.indexOf(nominated), victims: victims.sort((a, b) => a - b) }),
    };
  }
  #decided(): boolean {
    if (this.#binding() !== undefined) return this.#count('Successfully bound pod to node') > 0;
    return this.#condition() !== undefined;
  }
  #binding(): string | undefined {
    const written = this.#written.find((w) => w.subresource === 'binding');
    return (written?.body as { target: { name: string } } | undefined)?.target.name;
  }
  #condition(): { readonly message: string; readonly nominated: string | undefined } | undefined {
    for (const { method, resource, subresource, body } of this.#written) {
      if (method !== 'PATCH' || resource !== PLACES.pods || subresource !== 'status') continue;
      const { status } = body as { status?: { conditions?: { type: string; message: string }[]; nominatedNodeName?: string } }; // prettier-ignore
      const found = status?.conditions?.find((c) => c.type === 'PodScheduled');
      if (found !== undefined) return { message: found.message, nominated: status?.nominatedNodeName };
    }
    return undefined;
  }
  #count(message: string): number {
    return this.#logged.filter((l) => l.message === message).length;
  }
  #forget(): void {
    this.#logged = [];
    this.#written = [];
  }
  #read(line: string): void {
    const match = LINE.exec(line);
    if (match === null) return;
    const fields: Record<string, string> = {};
    for (const [, key, value] of match[2]!.matchAll(FIELD)) fields[key!] = value!.startsWith('"') ? (JSON.parse(value!) as string) : value!; // prettier-ignore
    this.#logged.push({ message: match[1]!, fields });
    this.#check();
  }
  #heard(written: Written): void {
    this.#written.push(written);
    if (written.method === 'PUT') bindVolumes(this.#standIn, written);
    this.#check();
  }
  #check(): void {
    if (this.#waiting?.isDone() === true) this.#waiting.resolve();
  }
  async #until(what: string, isDone: () => boolean, patienceMs = PATIENCE_MS): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const said = (): string => this.#logged.map((l) => `${l.message} ${JSON.stringify(l.fields)}`).join('\n');
    const timer = setTimeout(() => reject(new Error(`waited in vain until ${what}; said:\n${said()}`)), patienceMs);
    this.#waiting = { what, isDone, resolve };
    this.#check();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#waiting = undefined;
    }
  }
  #file(name: string, content: unknown): string {
    const path = join(this.#folder, name);
    writeFileSync(path, JSON.stringify(content), { mode: 0o600 });
    return path;
  }
}
