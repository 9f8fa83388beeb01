import { expect, it } from 'vitest';
import { decodeMessage, encodeMessage } from './protobuf.ts';

it('carries quantities in maps', () => {
  const definition = 'io.k8s.api.core.v1.ResourceQuota';
  const quota = { metadata: { name: 'q' }, spec: { hard: { pods: '4', 'requests.cpu': '500m' } } };
  expect(decodeMessage(definition, encodeMessage(definition, quota))).toMatchObject(quota);
});
