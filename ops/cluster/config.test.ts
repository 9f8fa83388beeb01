import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  checkInFlight, clusterNames, locate, partsOf, readConfig, removeCluster, requireCluster, reservedPorts, writeConfig, type ClusterConfig,
} from './config.ts'; // prettier-ignore
import { clustersDir } from './paths.ts';

const config: ClusterConfig = {
  format: 1, name: 'a', nodes: 3, runtime: 'simulated', port: 6443, natsPort: 4222, disableAdmission: ['ServiceAccount'], ephemeral: false,
}; // prettier-ignore
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-config-'));
  vi.stubEnv('XDG_DATA_HOME', join(dir, 'share'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

describe("a cluster's configuration", () => {
  it('reads back as it was written', () => {
    const paths = locate('a');
    expect(readConfig(paths)).toBeUndefined();
    for (const c of [
      config,
      { ...config, only: ['etcd'] },
      { ...config, maxRequestsInflight: 0 },
      { ...config, proxyMode: 'ipvs' as const },
      { ...config, listen: '192.0.2.7' },
    ]) {
      writeConfig(paths, c);
      expect(readConfig(paths)).toEqual(c);
    }
    expect(requireCluster('a').paths).toEqual(paths);
    expect(clusterNames()).toEqual(['a']);
    expect(reservedPorts()).toEqual(new Set([6443]));
  });
  it.each([
    [{}, true],
    [{ maxRequestsInflight: 0 }, true],
    [{ maxMutatingRequestsInflight: 0, maxRequestsInflight: 1 }, true],
    [{ maxMutatingRequestsInflight: 0, maxRequestsInflight: 0 }, false],
  ])('%j lets somebody ask something: %j', (flags, lets) => {
    const check = expect(() => checkInFlight(flags));
    if (lets) check.not.toThrow();
    else check.toThrow('cannot both be 0');
  });
  it('of a newer kubus is refused, whatever else it holds', () => {
    const paths = locate('a');
    writeConfig(paths, config);
    writeFileSync(paths.config, '{"format":2,"everything":"else"}');
    expect(() => readConfig(paths)).toThrow(
      `the data in ${paths.dir} was written by a newer kubus (format 2, this one knows 1): update kubus, or use another --name or --data`,
    );
    expect(clusterNames()).toEqual(['a']);
    expect(reservedPorts()).toEqual(new Set());
  });
  it.each(['', 'x', 'null', '[]', '{}', '7', JSON.stringify({ ...config, proxyMode: 'ebpf' }), ...Object.keys(config).filter((k) => k !== 'runtime').map((k) => JSON.stringify({ ...config, [k]: {} }))])(
    '%s is refused',
    (text) => {
      const paths = locate('a');
      writeConfig(paths, config);
      writeFileSync(paths.config, text);
      expect(() => readConfig(paths)).toThrow(/cluster\.json is not readable as .*: restore it, or start afresh with another --name or --data$/);
    },
  ); // prettier-ignore
  it('is missing with the names of those that are there', () => {
    expect(() => requireCluster('b')).toThrow('there is no cluster "b": start it with: kubus up --name b');
    writeConfig(locate('a'), config);
    expect(() => requireCluster('b')).toThrow('there is no cluster "b" (there is: a): start it');
  });
});

describe("a cluster's folder", () => {
  it.each(['', '-a', 'a-', 'A', 'a_b', 'a/b', '..', 'a'.repeat(41)])('has no name such as %j', (name) =>
    expect(() => locate(name)).toThrow('cannot name a cluster'),
  );
  it('may be elsewhere, and is found again', () => {
    const data = join(dir, 'elsewhere');
    expect(locate('a', data).dir).toBe(data);
    writeConfig(locate('a'), config);
    expect(locate('a').dir).toBe(data);
    expect(existsSync(join(data, 'cluster.json'))).toBe(true);
    expect(locate('a', join(dir, 'third')).dir).toBe(join(dir, 'third'));
  });
  it('does not move away from data that is there', () => {
    writeConfig(locate('a'), config);
    expect(() => locate('a', join(dir, 'elsewhere'))).toThrow('cluster "a" already keeps its data in');
  });
  it('is locked until nothing else of it is left', () => {
    const paths = locate('a');
    expect(partsOf(paths).at(-1)).toBe(paths.lock);
    expect(partsOf(paths)).toContain(join(paths.dir, 'machines'));
  });
  it('is removed with all that kubus wrote, and nothing else', () => {
    const data = join(dir, 'shared');
    const paths = locate('a', data);
    writeConfig(paths, config);
    for (const folder of [paths.logs, paths.pki, paths.nats, paths.credentials, paths.snapshots]) {
      mkdirSync(folder);
      writeFileSync(join(folder, 'x'), '');
    }
    writeFileSync(join(data, 'thesis.txt'), 'years of work');
    removeCluster('a', paths);
    expect(readdirSync(data)).toEqual(['thesis.txt']);
    expect(readdirSync(clustersDir())).toEqual([]);
    writeConfig(locate('b'), config);
    removeCluster('b', locate('b'));
    expect(readdirSync(clustersDir())).toEqual([]);
  });
});
