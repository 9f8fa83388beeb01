import { beforeEach, describe, expect, it } from 'vitest';
import { createEventRecorder } from '../../actors/runtime/events.ts';
import { fakeApi } from '../../actors/runtime/testing/fake-api.ts';
import { testWorld } from '../../actors/runtime/testing/world.ts';
import { CommandError, type Commands } from '../host/commands.ts';
import { imageMounts } from './images.ts';

const never = new AbortController().signal;
const world = testWorld();
const image = { id: 'sha256:1', name: 'app:1', sizeBytes: 1 };
let ran: string[];
let refuses: (what: string) => string | undefined;
beforeEach(() => {
  ran = [];
  refuses = () => undefined;
});
const commands: Commands = {
  run: async (program, args) => {
    const what = [program, ...args.filter((arg) => !/^--(?:address|namespace)$|^s$|^k8s.io$/.test(arg))].join(' ');
    ran.push(what);
    const stderr = refuses(what);
    return { code: stderr === undefined ? 0 : 1, stdout: '', stderr: stderr ?? '' };
  },
  must: async (program, args) => {
    const { code, stderr } = await commands.run(program, args);
    if (code !== 0) throw new CommandError(stderr);
    return '';
  },
};
const mounts = () => {
  const recorder = createEventRecorder({ client: fakeApi(world).client(), world, component: 'kubelet' });
  return imageMounts({ world, commands, recorder, socket: 's', runtime: () => { throw new Error('not asked for'); } }); // prettier-ignore
};

describe('an image that is a volume', () => {
  it('is kept whatever becomes of its name, and counts as used until it is off', async () => {
    const all = mounts();
    await all.mount(image, '/f', never);
    expect(ran).toEqual([
      'ctr images mount app:1 /f',
      'ctr snapshots label /f containerd.io/gc.root=volume',
      'mount --no-canonicalize -o remount,bind,ro,nosuid,nodev,noexec /f',
    ]);
    expect([...all.inUse()]).toEqual(['sha256:1']);
    refuses = () => 'target is busy';
    await expect(all.unmount('/f')).rejects.toThrow('ctr images unmount /f: target is busy');
    expect([...all.inUse()]).toEqual(['sha256:1']);
    refuses = () => undefined;
    await all.unmount('/f');
    expect([ran.at(-1), all.inUse().size]).toEqual(['ctr images unmount --rm /f', 0]);
  });
  it('that is mounted in part is not mounted', async () => {
    const all = mounts();
    refuses = (what) => (what.startsWith('mount ') ? 'no such option' : undefined);
    await expect(all.mount(image, '/f', never)).rejects.toThrow('no such option');
    expect([ran.at(-1), all.inUse().size]).toEqual(['ctr images unmount --rm /f', 0]);
  });
  it('that is off already is off', async () => {
    refuses = () => 'ctr: snapshot /f does not exist: not found';
    await mounts().unmount('/f');
  });
});
