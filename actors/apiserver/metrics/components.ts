import type { Bus } from '../../../bus/bus.ts';
import type { MetricsAnswer } from '../../../bus/protocol/metrics.ts';
import * as subjects from '../../../bus/subjects.ts';
import { ApiError, reasonOf } from '../../../schemas/meta/status.ts';

/** By the names that Kubernetes users know. */
const COMPONENTS: Readonly<Record<string, string>> = {
  'kube-controller-manager': 'controller-manager',
  'kube-scheduler': 'scheduler',
  'cloud-controller-manager': 'cloud-controller-manager',
  coredns: 'dns',
};
const ANSWER_MS = 3_000;

/**
 * The metrics of a component that has no door of its own, as text: of all its replicas together, told apart by the label
 * `instance` where there are several. Who may read `/metrics` may read these, as each of Kubernetes' components decides.
 * Rejects with NotFound for a name that is none, ServiceUnavailable while nobody answers.
 */
export async function componentMetrics(bus: Bus, name: string): Promise<string> {
  const component = COMPONENTS[name];
  if (component === undefined) {
    const known = Object.keys(COMPONENTS).join(', ');
    const message = `no component ${JSON.stringify(name)} has metrics here: there are ${known}; those of a node are at /api/v1/nodes/<name>/proxy/metrics`;
    throw new ApiError('NotFound', message);
  }
  const ask = (subject: string): Promise<MetricsAnswer> => bus.request(subject, {}, { timeoutMs: ANSWER_MS });
  const first = await ask(subjects.metricsOf(component)).catch((error: unknown) => {
    if (reasonOf(error) !== 'ServiceUnavailable') throw error;
    throw new ApiError('ServiceUnavailable', `no ${name} answers: does one run?`);
  });
  // One that went meanwhile has nothing to tell any more.
  const others = await Promise.allSettled(first.others.map((id) => ask(subjects.metrics(component, id))));
  return together([first, ...others.flatMap((other) => (other.status === 'fulfilled' ? other.value : []))]);
}
function together(answers: readonly MetricsAnswer[]): string {
  if (answers.length === 1) return `${answers[0]!.families.flatMap(({ lines }) => lines).join('\n')}\n`;
  const families = new Map<string, string[]>();
  for (const { id, families: own } of answers.toSorted((a, b) => (a.id < b.id ? -1 : 1)))
    for (const { name, lines } of own) {
      const isHead = (line: string): boolean => line.startsWith('#');
      let known = families.get(name);
      if (known === undefined) families.set(name, (known = lines.filter(isHead)));
      known.push(...lines.filter((line) => !isHead(line)).map((line) => labelled(line, id)));
    }
  const inOrder = [...families].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${inOrder.flatMap(([, lines]) => lines).join('\n')}\n`;
}
/** `name{a="b"} 1` -> `name{instance="id",a="b"} 1`. */
const labelled = (line: string, id: string): string =>
  line.replace(/^([\w:]+)(?:\{(.*)\})?(?= \S+$)/, (_, name: string, labels = '') => {
    const more = labels === '' ? '' : `,${labels}`;
    return `${name}{instance=${JSON.stringify(id)}${more}}`;
  });
