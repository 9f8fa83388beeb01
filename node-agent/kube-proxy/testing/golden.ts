import type { Node } from '../../../schemas/generated/core-v1.ts';
import { byFamily, nodeView } from '../node-view.ts';
import { serviceFacts, sliceFacts } from '../plan/facts.ts';
import { Plan } from '../plan/plan.ts';
import type { ProxySettings } from '../settings.ts';
import { randomSituation } from './random.ts';

/** What the real kube-proxy was given to write its rules from: see `ops/conformance/kube-proxy/record.ts`. */
export const GOLDEN = { seed: 36, count: 64, serviceCidrs: ['10.96.0.0/16', 'fd96::/112'] };
export const goldenNode: Node = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n1', uid: 'n1', labels: { 'topology.kubernetes.io/zone': 'z1', 'kubernetes.io/hostname': 'n1' } },
  spec: { podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24', 'fd44::/64'] },
  status: {
    addresses: [
      { type: 'InternalIP', address: '192.168.0.1' },
      { type: 'InternalIP', address: 'fd92::1' },
    ],
  },
};

/** The plan that the recorded situation comes to. */
export function goldenPlan(): Plan {
  const plan = new Plan();
  const { services, slices } = randomSituation(GOLDEN.seed, GOLDEN.count);
  plan.setZone('z1');
  for (const service of services) plan.putService(serviceFacts(service)!);
  for (const slice of slices) plan.putSlice(sliceFacts(slice, 'n1')!);
  plan.changes();
  return plan;
}
export const goldenSettings = (nodePorts: 'primary' | 'all'): ProxySettings => ({
  ...nodeView(goldenNode, { nodeName: 'n1', nodePorts }).settings,
  serviceCidrs: byFamily(GOLDEN.serviceCidrs),
});
