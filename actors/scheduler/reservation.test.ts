import { expect, it } from 'vitest';
import { reserveAll, type Reserver } from './reservation.ts';
import { NodeInfo } from './snapshot/node-info.ts';
import { podInfo } from './snapshot/pod-info.ts';
import { aPod } from './testing/objects.ts';

const told: string[] = [];
const reserver = (name: string, fails?: 'reserve' | 'bind'): Reserver => ({
  name,
  reserve() {
    if (fails === 'reserve') throw new Error('gone');
    return {
      bind: () => (fails === 'bind' ? Promise.reject(new Error('late')) : (told.push(`bind ${name}`), Promise.resolve())),
      release: (isBound) => void told.push(`${isBound ? 'done' : 'undo'} ${name}`),
    };
  },
}); // prettier-ignore
const reserve = (...reservers: Reserver[]) => reserveAll(reservers, podInfo(aPod('p')), new NodeInfo('n'));

it('binds in order, takes back in reverse, and names who failed', async () => {
  expect(reserve({ name: 'A', reserve: () => undefined })).toBeUndefined();
  const both = reserve(reserver('A'), reserver('B'))!;
  await both.bind(new AbortController().signal);
  both.release(true);
  await expect(reserve(reserver('A'), reserver('B', 'bind'))!.bind(new AbortController().signal)).rejects.toThrow('running PreBind plugin "B": late'); // prettier-ignore
  expect(() => reserve(reserver('A'), reserver('B', 'reserve'))).toThrow('running Reserve plugin "B": gone');
  expect(told).toEqual(['bind A', 'bind B', 'done B', 'done A', 'bind A', 'undo A']);
});
