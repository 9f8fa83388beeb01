import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { adoptScheduler, checkScheduler, schedulerArguments, schedulerSettings } from './scheduler.ts';

const root = mkdtempSync(join(tmpdir(), 'kubus-scheduler-'));
afterAll(() => rmSync(root, { recursive: true }));
const log = { warn: () => undefined };
const HEAD = 'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n';
let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(root, 'c-'));
  mkdirSync(join(dir, 'pki'));
  file = join(dir, 'config.yaml');
});

describe('what a cluster’s schedulers go by', () => {
  it('is nothing but upstream’s defaults where nobody says anything', async () => {
    await adoptScheduler(dir, {});
    expect(await schedulerSettings(dir, {}, log)).toBeUndefined();
    expect(schedulerArguments({})).toEqual([]);
  });
  it('is kept with the cluster, for its owner alone, and holds without the files', async () => {
    writeFileSync(join(dir, 'ca.pem'), 'PEM');
    writeFileSync(file, `${HEAD}podInitialBackoffSeconds: 3\nleaderElection: {resourceName: mine}\nprofiles: [{schedulerName: a},{schedulerName: b}]\nextenders: [{urlPrefix: "https://x", enableHTTPS: true, tlsConfig: {caFile: ca.pem}}]`); // prettier-ignore
    await adoptScheduler(dir, { schedulerConfig: file });
    for (const gone of ['ca.pem', 'config.yaml']) rmSync(join(dir, gone));
    const kept = join(dir, 'pki', 'scheduler.json');
    expect(statSync(kept).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(kept, 'utf8'))).toMatchObject({ certificates: { 'ca.pem': 'PEM' } });
    const settings = (await schedulerSettings(dir, {}, log))!;
    expect(settings.profiles.map((p) => p.schedulerName)).toEqual(['a', 'b']);
    expect(settings).toMatchObject({ initialBackoffMs: 3_000, maxBackoffMs: 10_000, lease: { namespace: 'kube-system', name: 'mine' } }); // prettier-ignore
    expect(settings.outside).toBeDefined();
  });
  it.each([
    ['foo: 1', 'strict decoding error: unknown field "foo"'],
    ['parallelism: 0', 'parallelism: Invalid value: 0: should be an integer value greater than zero'],
    ['profiles: [{plugins: {multiPoint: {enabled: [{name: Nope}]}}}]', 'initializing profiles: creating profile for scheduler name default-scheduler: PreFilterPlugin "Nope" does not exist'],
    ['extenders: [{tlsConfig: {caFile: nowhere.pem}}]', "couldn't build extenders: ENOENT"],
    ['a: [', 'yaml'],
  ])('is refused by the name of its file: %s', async (text, why) => {
    writeFileSync(file, HEAD + text);
    await expect(checkScheduler({ schedulerConfig: file })).rejects.toThrow(`--scheduler-config ${file}: `);
    await expect(checkScheduler({ schedulerConfig: file })).rejects.toThrow(why);
  }); // prettier-ignore
  it('is refused where the file cannot be read', async () => {
    await expect(checkScheduler({ schedulerConfig: file })).rejects.toThrow(`--scheduler-config: ENOENT`);
  });
  it('goes to other processes with whole paths', () => {
    const given = schedulerArguments({ schedulerConfig: '/a/c.yaml', schedulerPlugin: ['/a/x.ts', '/a/y.ts'] });
    expect(given).toEqual([
      '--scheduler-config',
      '/a/c.yaml',
      '--scheduler-plugin',
      '/a/x.ts',
      '--scheduler-plugin',
      '/a/y.ts',
    ]);
  });
});
