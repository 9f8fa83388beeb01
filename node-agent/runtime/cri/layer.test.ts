import { expect, it } from 'vitest';
import { nodePaths } from '../../host/paths.ts';
import { layerOf } from './layer.ts';

const LINE = 'mount -t overlay overlay /nowhere -o index=off,workdir=/c/snapshots/7/work,upperdir=/c/snapshots/7/fs,lowerdir=/c/snapshots/3/fs\n'; // prettier-ignore
it.each([
  ['of layers', 0, LINE, '/c/snapshots/7/fs'],
  ['of one layer, which is only read', 0, 'mount -t bind /c/snapshots/3/fs /nowhere -o ro,rbind\n', undefined],
  ['that is not there', 1, 'ctr: snapshot c1 does not exist: not found', undefined],
])('a container %s', async (_, code, stdout, folder) => {
  const asked: string[][] = [];
  const run = (...[program, args]: [string, readonly string[]]) => {
    asked.push([program, ...args]);
    return Promise.resolve({ code, stdout, stderr: '' });
  };
  expect(await layerOf({ run }, nodePaths('/n'), 'c1')).toBe(folder);
  expect(asked).toEqual(['ctr --address /n/run/containerd.sock --namespace k8s.io snapshots mounts /nowhere c1'.split(' ')]); // prettier-ignore
});
