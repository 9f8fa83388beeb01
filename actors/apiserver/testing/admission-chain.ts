import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { statusOf } from '../../../schemas/meta/status.ts';
import { createAdmission } from '../admission/index.ts';
import { createAuthorizer } from '../authorization/authorizer.ts';
import type { AdmissionAttributes } from '../request.ts';
import { fakeCluster, type FakeCluster } from './fake-cluster.ts';

/** A cluster with a namespace `d`, its default account, and the chain. */
export const setUp = (options: { disabled?: string[]; enabled?: string[] } = {}) => {
  const c = fakeCluster();
  c.put({ kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'd' }, status: { phase: 'Active' } });
  c.put({ kind: 'ServiceAccount', apiVersion: 'v1', metadata: { name: 'default', namespace: 'd' } });
  const plugins = createAdmission({
    ...c,
    authorizer: createAuthorizer(c),
    fresh: () => Promise.resolve(),
    ...options,
  });
  return { c, plugins, admit: (a: AdmissionAttributes) => run(plugins, a, c) };
};
type Plugins = ReturnType<typeof createAdmission>;
/** Both phases; the refusal's text, or undefined. */
const run = async (plugins: Plugins, a: AdmissionAttributes, c: FakeCluster): Promise<string | undefined> => {
  let refusal: string | undefined;
  const all = async (): Promise<void> => {
    for (const p of plugins) if (p.handles.has(a.operation)) await p.mutate?.(a);
    for (const p of plugins) if (p.handles.has(a.operation)) await p.validate?.(a);
  };
  let over = false;
  const done = all()
    .catch((error: unknown) => (refusal = statusOf(error)?.message ?? String(error)))
    .finally(() => (over = true));
  // Some plugins wait on the clock, which stands still unless told.
  for (let i = 0; i < 40 && !over; i++) await c.simulation.advance(100);
  await done;
  return refusal;
};
export const pod = (spec: object = {}, metadata: object = {}) => ({
  kind: 'Pod',
  apiVersion: 'v1',
  metadata: { name: 'p', namespace: 'd', ...metadata },
  spec: { containers: [{ name: 'c', image: 'x' }], ...spec },
});
export const typed = (o: object): Pod => o as Pod;
