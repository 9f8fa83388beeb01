import { describe, expect, it } from 'vitest';
import { realWorld } from '../../bus/real-world.ts';
import { testWorld } from '../../actors/runtime/testing/world.ts';
import { CommandError, type Commands } from '../host/commands.ts';
import { backendOf, firstAble } from './backends.ts';
import { fakeBackend } from './testing/backend.ts';
import { hasNetworks, openPeer } from './testing/network.ts';

const { signal } = new AbortController();

describe('where nobody has said how', () => {
  it('the first way is taken that the machine can do, and what it could not is told', async () => {
    const world = testWorld();
    const [first, second] = [fakeBackend(), fakeBackend()];
    first.unable = 'nftables cannot be used';
    const backend = firstAble([first, second], world);
    expect(await backend.probe(signal)).toBeUndefined();
    await backend.update([], {} as never, signal);
    expect([first.said, second.said]).toEqual([[], ['update']]);
    expect(world.complaints.map(({ message }) => message)).toEqual(['nftables cannot be used']);
    second.unable = 'nor can iptables';
    expect(await backend.probe(signal)).toBe('nor can iptables');
    first.unable = undefined;
    expect(await backend.probe(signal)).toBeUndefined();
    await backend.update([], {} as never, signal);
    expect(first.said).toEqual(['update']);
  });
  it.each([
    ['nftables', 'nftables cannot be used: nft: spawn nft ENOENT: install nftables, or choose another mode'],
    ['iptables', 'iptables cannot be used: nft: spawn nft ENOENT: install iptables, or choose another mode'],
  ] as const)('%s says what it lacks', async (mode, expected) => {
    const missing = new CommandError('nft: spawn nft ENOENT');
    const commands: Commands = { run: () => Promise.reject(missing), must: () => Promise.reject(missing) };
    expect(await backendOf(mode, { world: testWorld(), commands }).probe(signal)).toBe(expected);
  });
});

describe.skipIf(!hasNetworks)('a machine that is asked what it can do', () => {
  it('is left as it was', async () => {
    const world = realWorld({ level: 'silent' });
    const peer = await openPeer(world);
    try {
      const backend = backendOf(undefined, { world, commands: peer.commands });
      expect([await backend.probe(signal), backend.mode]).toEqual([undefined, 'nftables']);
      expect(await peer.commands.must('nft', ['list', 'tables'])).toBe('');
    } finally {
      await peer.close();
    }
  });
});
