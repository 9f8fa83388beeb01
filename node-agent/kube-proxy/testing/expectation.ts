import type { Target } from '../plan/choose.ts';
import type { PortPlan, Way } from '../plan/plan.ts';

/** Who asks: a pod of the node, the node itself, or somebody outside. */
export interface Asker {
  readonly is: 'pod' | 'node' | 'outside';
  readonly ip: string;
}
export interface Question {
  readonly host: string;
  readonly port: number;
  /** Who may answer, `10.244.0.2:8080`; or what happens instead. */
  readonly expected: readonly string[] | 'ECONNREFUSED' | 'silence';
}
const texts = (targets: readonly Target[]): readonly string[] => targets.map(({ ip, port }) => `${ip}:${port}`);
function outcome(port: PortPlan, way: Way): Question['expected'] {
  if (way === 'reject') return 'ECONNREFUSED';
  return way === 'drop' ? 'silence' : texts(way === 'local' ? port.local : port.cluster);
}
/** All that `asker` can ask of a port, and what the plan says to it; said again here, and not taken from any renderer. */
export function questionsFor(port: PortPlan, asker: Asker, o: { readonly nodeIP: string; readonly mode: 'nftables' | 'iptables' }): Question[] {
  const isInside = asker.is !== 'outside';
  const external: Way = port.isExternalLocal && isInside && port.external !== 'reject' ? 'cluster' : port.external;
  // By iptables what this node itself sends to an address outside is neither refused nor dropped, but goes out, as upstream's.
  const refused = (expected: Question['expected']): Question['expected'] =>
    o.mode === 'iptables' && asker.is === 'node' && typeof expected === 'string' ? 'silence' : expected;
  const questions: Question[] = [{ host: port.clusterIP, port: port.port, expected: outcome(port, port.internal) }];
  for (const host of port.externalIPs) questions.push({ host, port: port.port, expected: refused(outcome(port, external)) });
  for (const host of port.balancerIPs) {
    const isShut = port.sourceRanges.length > 0 && !port.sourceRanges.some((range) => range.has(asker.ip));
    const isGuarded = o.mode === 'nftables' || port.external !== 'reject';
    questions.push({ host, port: port.port, expected: isShut && isGuarded ? 'silence' : refused(outcome(port, external)) });
  }
  if (port.nodePort !== 0) questions.push({ host: o.nodeIP, port: port.nodePort, expected: outcome(port, external) });
  return questions;
} // prettier-ignore
