import { expect, it } from 'vitest';
import { services } from '../../actors/runtime/resources.ts';
import type { Service } from '../../schemas/generated/core-v1.ts';
import { startSimulatedCluster } from './simulated-cluster.ts';

it('gives a Service its ports, and tells whose they are in its history', async () => {
  const cluster = await startSimulatedCluster(1, []);
  const { admin, simulation } = cluster;
  const made = admin.create<Service>(services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'default' },
    spec: { type: 'NodePort', ports: [{ port: 80 }] },
  });
  let settled = false;
  void made.finally(() => (settled = true)).catch(() => undefined);
  await simulation.run(() => settled, 60_000);
  const port = (await made).spec?.ports?.[0]?.nodePort;
  // What is claimed for it comes before it, and is no object.
  const lines = cluster.history.filter((line) => line.includes(`/${port} `) || line.includes('/specs/default/web '));
  expect(lines).toEqual([
    expect.stringContaining(` /registry/ranges/servicenodeports/${port} {"owner":"default/web",`),
    expect.stringContaining(' /registry/services/specs/default/web {"kind":"Service",'),
  ]);
  await cluster.stop();
});
