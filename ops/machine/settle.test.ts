import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { locate, writeConfig } from '../cluster/config.ts';
import { checkCanHaveRealNodes, nextNode, nodesOf, settleNodes } from './settle.ts';

const three = nodesOf('c', [], 3);

describe('real nodes of a cluster', () => {
  it('are numbered, each with a place for its address', () => {
    expect(three).toEqual([
      { name: 'c-worker-1', place: 2 },
      { name: 'c-worker-2', place: 3 },
      { name: 'c-worker-3', place: 4 },
    ]);
  });
  it('stay what they are when there are more or fewer', () => {
    expect(nodesOf('c', three, 2)).toEqual(three.slice(0, 2));
    expect(nodesOf('c', three, 4).slice(0, 3)).toEqual(three);
  });
  it('take the first name and place that are free', () => {
    const [first, , third] = three;
    expect(nextNode('c', [first!, third!])).toEqual({ name: 'c-worker-2', place: 3 });
    expect(nextNode('c', three, 'big')).toEqual({ name: 'big', place: 5 });
  });
  it('end where addresses do', () => {
    expect(() => nodesOf('c', [], 253)).toThrow('a machine has at most 252 real nodes');
  });
  it('need Linux and root, and say how to go on', () => {
    expect(() => checkCanHaveRealNodes('darwin', 501)).toThrow(/real nodes need Linux: .*docker compose/);
    expect(() => checkCanHaveRealNodes('linux', 1000)).toThrow(/real nodes need root.*sudo .*simulated/);
    expect(() => checkCanHaveRealNodes('linux', 0)).not.toThrow();
  });
});
describe('what a cluster is to be', () => {
  it.skipIf(process.getuid?.() !== 0 || process.platform !== 'linux')('is beside the user’s other clusters, up or not (root)', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kubus-settle-'));
    vi.stubEnv('XDG_DATA_HOME', folder);
    onTestFinished(() => {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true });
    });
    const settle = (name: string) => settleNodes({ runtime: 'cri' }, name, undefined, undefined);
    const first = await settle('first');
    const [rest, paths] = [{ name: 'first', port: 6443, natsPort: 4222, disableAdmission: [], ephemeral: false }, locate('first')];
    mkdirSync(paths.dir, { recursive: true });
    writeConfig(paths, { ...rest, ...first });
    const second = await settle('second');
    expect(new Set([first, second].flatMap(({ machine, clusterCidrs = ['10.244.0.0/16'] }) => [machine?.range, machine?.balancers, ...clusterCidrs])).size).toBe(6);
    // Its own are not in its way.
    expect((await settle('first')).machine).toEqual(first.machine);
  }); // prettier-ignore
  it('is simulated unless somebody says otherwise', async () => {
    expect(await settleNodes({ runtime: 'auto' }, 'c', undefined, undefined)).toEqual({ runtime: 'simulated', nodes: 1 }); // prettier-ignore
    expect(await settleNodes({ runtime: 'auto', nodes: 5 }, 'c', undefined, ['10.1.0.0/16'])).toEqual({
      runtime: 'simulated',
      nodes: 5,
      clusterCidrs: ['10.1.0.0/16'],
    });
  });
  it.skipIf(process.getuid?.() !== 0 || process.platform !== 'linux')('stays real, with its range (root)', async () => {
    const machine = { range: '10.89.7.0/24', balancers: '10.90.7.0/24', nodes: three };
    const before = { name: 'c', nodes: 2, runtime: 'cri', machine } as const;
    expect(await settleNodes({ runtime: 'auto' }, 'c', before, undefined)).toEqual({ runtime: 'cri', nodes: 2, machine }); // prettier-ignore
    expect(await settleNodes({ runtime: 'cri', nodes: 1 }, 'c', before, undefined)).toEqual({
      runtime: 'cri',
      nodes: 2,
      machine: { ...machine, nodes: three.slice(0, 1) },
    });
    const older = { ...before, machine: { range: machine.range, nodes: three } };
    expect((await settleNodes({ runtime: 'auto' }, 'c', older, undefined)).machine).toMatchObject({
      range: '10.89.7.0/24',
      balancers: expect.stringMatching(/^10\.90\.\d+\.0\/24$/),
    });
    expect(await settleNodes({ runtime: 'simulated', nodes: 4 }, 'c', before, undefined)).toEqual({
      runtime: 'simulated',
      nodes: 4,
      machine,
    });
  });
});
