import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NODE_PATHS } from '../../node-agent/host/paths.ts';
import { eventually } from '../testing/cluster.ts';
import { relayToBus, relayToSocket } from './bus-relay.ts';
import { containerdConfig, linkRegistries } from './containerd.ts';
import { keepProcess } from './kept-process.ts';
import { machineNames } from './names.ts';
import { nameServersFor } from './namespaces.ts';
import { masqueradeRules } from './network.ts';
import { changeMachine, changeMachineBack, keepRecord, readRecord } from './record.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-machine-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the way to the bus', () => {
  const servers: Server[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));
  const echo = async (): Promise<number> => {
    const server = createServer((socket) => socket.pipe(socket));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  };
  it('leads through a file that only its owner opens, however long its path', async () => {
    const deep = join(dir, 'a'.repeat(60), 'b'.repeat(60));
    mkdirSync(deep, { recursive: true });
    const file = join(deep, 'bus.sock');
    const port = await echo();
    const outer = await relayToBus(file, () => port);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    // Within the node its folder has a short name.
    const short = join(dir, 's');
    symlinkSync(deep, short);
    const inner = await relayToSocket(join(short, 'bus.sock'));
    const socket = connect(inner.port, '127.0.0.1');
    socket.write('through and back');
    const said = await new Promise<string>((resolve) => socket.once('data', (bytes) => resolve(bytes.toString())));
    expect(said).toBe('through and back');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    outer.close();
    await closed;
    inner.close();
  });
  it('ends with whom it leads to', async () => {
    const inner = await relayToSocket(join(dir, 'nobody.sock'));
    const socket = connect(inner.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('close', resolve));
    inner.close();
  });
});
describe('a program that is kept', () => {
  it('is started again when it ends, until it is ended for good', async () => {
    const warnings: string[] = [];
    let starts = 0;
    const kept = keepProcess({
      name: 'sleeper',
      command: ['sleep', '1000'],
      log: join(dir, 'log'),
      warn: (text) => warnings.push(text),
      onStart: () => starts++,
    });
    const first = kept.pid!;
    process.kill(first, 'SIGKILL');
    await eventually('another', () => (kept.pid !== undefined && kept.pid !== first ? true : undefined));
    expect(warnings).toEqual(['sleeper ended (SIGKILL): starting it again']);
    await kept.end();
    expect([kept.pid, starts]).toEqual([undefined, 2]);
  });
  it('does not come back once it is ended between two starts', async () => {
    const kept = keepProcess({ name: 'nothing', command: [join(dir, 'missing')], log: join(dir, 'log'), warn: () => undefined }); // prettier-ignore
    await eventually('its end', () => (kept.pid === undefined ? true : undefined));
    await kept.end();
    expect(kept.pid).toBeUndefined();
  });
});
describe('a node', () => {
  it('has a containerd that keeps all below the node’s folder', () => {
    const config = containerdConfig({ paths: NODE_PATHS, pauseImage: 'registry.local/pause:3.10' });
    for (const [, path] of config.matchAll(/^(?:root|state|\s*(?:address|path|conf_dir|config_path)) = "(.*)"$/gm))
      expect(path).toMatch(/^\/run\/kubus-node\//);
    expect(config).toContain('sandbox_image = "registry.local/pause:3.10"');
  });
  it('knows the registries that the machine’s containerd is told of, unless it has its own', () => {
    const link = join(dir, 'certs.d');
    linkRegistries({ root: dir });
    linkRegistries({ root: dir });
    expect(readlinkSync(link)).toMatch(/^\/etc\/(?:containerd|docker)\/certs\.d$/);
    rmSync(link);
    mkdirSync(link);
    linkRegistries({ root: dir });
    expect(statSync(link).isDirectory()).toBe(true);
  });
  it('asks name servers that it reaches', () => {
    const files = (own: string, resolved?: string) => (path: string) => {
      if (path === '/etc/resolv.conf') return own;
      if (resolved === undefined) throw new Error('ENOENT');
      return resolved;
    };
    expect(nameServersFor(files('search a\nnameserver 192.0.2.9\nnameserver 127.0.0.1\n'))).toBe('search a\nnameserver 192.0.2.9\n'); // prettier-ignore
    expect(nameServersFor(files('nameserver 127.0.0.53\n', 'nameserver 192.0.2.7\n'))).toBe('nameserver 192.0.2.7\n');
    expect(nameServersFor(files('nameserver ::1\n'))).toBe('');
  });
  it('speaks to the world by the machine’s address, and to the machine by its own', () => {
    const names = machineNames('/c');
    const rules = masqueradeRules(names, ['10.89.0.0/24', '10.244.0.0/16', 'fd00::/48']);
    expect(rules).toContain(`ip saddr { 10.89.0.0/24, 10.244.0.0/16 } oifname != "${names.bridge}" masquerade`);
  });
});
describe('what has to be undone', () => {
  it('is kept in a file from before it is done', () => {
    const file = join(dir, 'record.json');
    const record = keepRecord(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    record.process('a', process.pid);
    record.process('b', process.pid);
    record.process('a', undefined);
    expect(Object.keys(readRecord(file).processes)).toEqual(['b']);
  });
  it('is nothing where the file is none', () => {
    expect(readRecord(join(dir, 'missing'))).toEqual({ processes: {} });
  });
  const machine = () => {
    const [notes = '', ipForward = '', cni = '', kubelet = ''] = ['notes', 'ipForward', 'cni', 'kubelet'].map((name) => join(dir, name)); // prettier-ignore
    writeFileSync(ipForward, '0\n');
    return { notes, ipForward, covered: [cni, kubelet] };
  };
  const there = ({ covered, notes }: ReturnType<typeof machine>) => [...covered, notes].map((path) => existsSync(path));
  it('is of the machine: the first cluster changes it, the last one changes it back', () => {
    const places = machine();
    changeMachine('a', places);
    changeMachine('b', places);
    changeMachine('b', places);
    expect([readFileSync(places.ipForward, 'utf8'), there(places)]).toEqual(['1', [true, true, true]]);
    changeMachineBack('b', places);
    expect([readFileSync(places.ipForward, 'utf8'), there(places)]).toEqual(['1', [true, true, true]]);
    changeMachineBack('a', places);
    expect([readFileSync(places.ipForward, 'utf8'), there(places)]).toEqual(['0', [false, false, false]]);
    changeMachineBack('a', places);
  });
  it('is kept by those whom one cannot see, who have notes of their own', () => {
    const places = machine();
    const elsewhere = { ...places, notes: join(dir, 'other-notes') };
    changeMachine('a', places);
    changeMachine('b', elsewhere);
    changeMachineBack('a', places);
    expect(there(elsewhere)).toEqual([true, true, true]);
    changeMachineBack('b', elsewhere);
    expect(there(elsewhere)).toEqual([false, false, false]);
  });
  it('is not what was there before, and not what others have put there', () => {
    const places = machine();
    const [cni = '', kubelet = ''] = places.covered;
    writeFileSync(places.ipForward, '1\n');
    mkdirSync(kubelet);
    changeMachine('a', places);
    expect(readdirSync(kubelet)).toEqual([]);
    writeFileSync(join(cni, 'results'), '');
    changeMachineBack('a', places);
    expect([there(places), readdirSync(cni)]).toEqual([[true, true, false], ['results']]);
    expect(readFileSync(places.ipForward, 'utf8')).toBe('1\n');
  });
});
