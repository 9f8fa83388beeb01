import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readConfig, type ClusterConfig } from '../cluster/config.ts';
import { clusterPaths } from '../cluster/paths.ts';
import { Replicas, type Replica, type Scalable } from './replicas.ts';
import { createScaling, type Scaling } from './scaling.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-scaling-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const CONFIG: ClusterConfig = {
  format: 1, name: 'demo', nodes: 2, runtime: 'simulated', port: 6443, natsPort: 4222, disableAdmission: [], ephemeral: false,
}; // prettier-ignore
/** A cluster in which these run, once each; `fails`: of that no further one comes to serve. */
function clusterOf(
  running: readonly Scalable[],
  change: Partial<ClusterConfig> = {},
  fails?: Scalable,
): { readonly scaling: Scaling; readonly replicas: Replicas; readonly kept: () => ClusterConfig | undefined } {
  const replica = (ready: Promise<void>): Replica => ({ pid: 1, ready, stop: () => Promise.resolve() });
  const replicas = new Replicas((component) =>
    replica(component === fails ? Promise.reject(new Error('it has no room')) : Promise.resolve()),
  );
  for (const component of running) replicas.adopt(component, replica(Promise.resolve()));
  const paths = clusterPaths(dir);
  const setNodes = (): Promise<void> => Promise.resolve();
  const scaling = createScaling({ paths, config: { ...CONFIG, ...change }, replicas, setNodes, setRealNodes: setNodes, warn: () => undefined }); // prettier-ignore
  return { scaling, replicas, kept: () => readConfig(paths) };
}

describe('scaling', () => {
  it('resumes as many replicas as there were, but none of what runs no more', async () => {
    const { scaling, replicas } = clusterOf(['etcd', 'apiserver'], { replicas: { apiserver: 3, scheduler: 2 } });
    await scaling.resume();
    expect(replicas.list().map(({ name }) => name)).toEqual(['etcd', 'apiserver', 'apiserver-2', 'apiserver-3']);
  });
  it.each([
    ['cloud-controller-manager', 'cloud'],
    ['dns', 'dns'],
    ['ingress', 'ingress'],
    ['metrics', 'metrics'],
  ] as const)('has several of an add-on that the cluster has: %s', async (component, addon) => {
    const { scaling, replicas } = clusterOf(['etcd', 'apiserver', component], { addons: [addon] });
    await scaling.answer({ type: 'scale', to: { [component]: 2 }, wait: true });
    expect(replicas.count(component)).toBe(2);
  });
  it('keeps what was wished for the next start, and not what could not be had', async () => {
    const { scaling, replicas, kept } = clusterOf(['etcd', 'apiserver'], {}, 'etcd');
    await scaling.answer({ type: 'scale', to: { apiserver: 2, nodes: 3 }, wait: true });
    expect(kept()).toMatchObject({ nodes: 3, replicas: { apiserver: 2 } });
    await expect(scaling.answer({ type: 'scale', to: { etcd: 2 }, wait: true })).rejects.toThrow('it has no room');
    expect(kept()?.replicas).toEqual({ apiserver: 2, etcd: 1 });
    expect(replicas.count('etcd')).toBe(1);
  });
  it.each<[Record<string, number>, string]>([
    [{ nope: 1 }, 'there is no component "nope" to scale'],
    [{ apiserver: 0 }, 'to stop the whole cluster: kubus down'],
    [{ apiserver: 33 }, 'apiserver can have from 1 to 32 replicas'],
    [{ nodes: 5001 }, 'nodes can have from 0 to 5000 nodes'],
    [{ scheduler: 1 }, 'it was started with --only'],
    [{ 'cloud-controller-manager': 2 }, 'start it with the add-on'],
  ])('refuses %j and says why, before anything is changed', async (to, why) => {
    const { scaling, kept } = clusterOf(['etcd', 'apiserver'], { only: ['etcd', 'apiserver', 'nodes'] });
    await expect(scaling.answer({ type: 'scale', to: { etcd: 2, ...to }, wait: true })).rejects.toThrow(why);
    expect(kept()).toBeUndefined();
  });
});
