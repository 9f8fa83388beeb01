import { expect, it } from 'vitest';
import { ApiError } from '../../schemas/meta/status.ts';
import type { ApiClient, ListOptions } from '../runtime/api-client.ts';
import { pods } from '../runtime/resources.ts';
import { present } from './present.ts';

/** `count` pods, of which so many fit into a message. */
function clientOf(count: number, fits: number, asked: number[]): ApiClient {
  const list = async (_: unknown, { limit = count, continue: from = '0' }: ListOptions) => {
    asked.push(limit);
    if (limit > fits) throw new ApiError('RequestEntityTooLarge', 'too large for the bus');
    const end = Math.min(count, Number(from) + limit);
    const items = Array.from({ length: end - Number(from) }, (__, i) => ({
      metadata: { name: `p${Number(from) + i}`, namespace: 'd' },
      spec: { nodeName: 'n' },
      status: { phase: i % 2 === 0 ? 'Running' : 'Pending' },
    }));
    return { metadata: end < count ? { continue: String(end) } : {}, items };
  };
  return { list } as unknown as ApiClient;
}
it.each([
  [0, 1_000, [256]],
  [256, 1_000, [256]],
  [600, 1_000, [256, 256, 256]],
  [70, 40, [256, 64, 16, 16, 16, 16, 16]],
])('%i pods are listed where %i fit into a message', async (count, fits, pages) => {
  const asked: number[] = [];
  const found = await present(clientOf(count, fits, asked), pods, {});
  expect(found.map(({ name }) => name)).toEqual(Array.from({ length: count }, (_, i) => `p${i}`));
  expect(asked).toEqual(pages);
});
it('a pod that fits into none is told of', async () => {
  await expect(present(clientOf(1, 0, []), pods, {})).rejects.toThrow('too large for the bus');
});
