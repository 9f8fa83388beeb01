import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish, isolatedEnv, type Finished } from '../testing/cluster.ts';

const main = join(import.meta.dirname, '../cli/main.ts');
const API_ALONE = ['--only', 'etcd,apiserver'];

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-around-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('a start that cannot succeed', () => {
  const kubus = (...args: string[]): Promise<Finished> => finish(process.execPath, [main, ...args], isolatedEnv(dir));
  const folder = (name: string): string => join(dir, 'data/kubus/clusters', name);
  const refused = async (message: RegExp | string, ...args: string[]): Promise<void> => {
    for (const how of [['--detach'], []]) {
      const { status, stderr, stdout } = await kubus('up', ...API_ALONE, ...how, ...args);
      const lines = stderr.split('\n').filter((l) => l !== '' && !/^ [✓✗] /.test(l));
      expect(lines).toEqual([expect.stringMatching(message)]);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    }
  };
  it('says that the port is taken and how to choose another, and remembers nothing of it', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await refused(
      new RegExp(`^kubus: port ${port} of 127.0.0.1 is in use by another program: stop that one, or choose another port with --port N$`),
      '--name', 'busy', '--port', String(port),
    ); // prettier-ignore
    server.close();
    expect(existsSync(join(folder('busy'), 'cluster.json'))).toBe(false);
    expect((await kubus('list')).stdout).toBe('No clusters. Start one with: kubus up\n');
  });
  it('says that there is no such address', () =>
    refused(
      /^kubus: this machine has no address 192\.0\.2\.1: choose another with --host, such as 127\.0\.0\.1$/,
      '--name',
      'address',
      '--host',
      '192.0.2.1',
      '--port',
      '0',
    ));
  const config = { format: 1, name: 'c', nodes: 0, runtime: 'simulated', port: 1234, natsPort: 1235, disableAdmission: [], ephemeral: false }; // prettier-ignore
  it.each([
    ['a newer version', JSON.stringify({ ...config, format: 99 }), /^kubus: the data in \S+ was written by a newer kubus \(format 99, this one knows 1\): update kubus, or use another --name or --data$/],
    ['half a configuration', JSON.stringify(config).slice(0, 40), /^kubus: \S+cluster\.json is not readable as JSON: restore it, or start afresh with another --name or --data$/],
    ['nothing', '', /^kubus: \S+cluster\.json is not readable as JSON/],
    ['null', 'null', /^kubus: \S+cluster\.json is not readable as a cluster's configuration: restore it/],
    ['another shape', '[{"format":1}]', /^kubus: \S+cluster\.json is not readable as a cluster's configuration/],
    ['a port that is none', JSON.stringify({ ...config, port: 'x' }), /^kubus: \S+cluster\.json is not readable as a cluster's configuration/],
  ])('says what is wrong with data of %s, and leaves it as it is', async (_name, text, message) => {
    mkdirSync(folder('c'), { recursive: true });
    writeFileSync(join(folder('c'), 'cluster.json'), text);
    await refused(message, '--name', 'c');
    for (const command of ['status', 'kubeconfig', 'logs']) {
      const { status, stderr } = await kubus(command, '--name', 'c');
      expect([status, stderr.trim().split('\n')]).toEqual([1, [expect.stringMatching(message)]]);
    }
    const listed = await kubus('list');
    expect([listed.status, listed.stdout]).toEqual([0, expect.stringMatching(/\nc +unreadable /)]);
    expect(readFileSync(join(folder('c'), 'cluster.json'), 'utf8')).toBe(text);
    expect(await kubus('down', '--name', 'c', '--delete-data')).toMatchObject({ status: 0 });
    expect(existsSync(folder('c'))).toBe(false);
  }); // prettier-ignore
  it('says which file of its keys is damaged', async () => {
    await kubus('up', ...API_ALONE, '--name', 'keys', '--detach', '--port', '0');
    await kubus('down', '--name', 'keys');
    writeFileSync(join(folder('keys'), 'credentials/etcd.json'), '{"broken"');
    await refused(/^kubus: .*credentials\/etcd\.json/, '--name', 'keys');
  });
});
