import type { Container, Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { podQuantities } from '../../../schemas/helpers/pod-quantities.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { compareQuantities, quantityMilli, quantityValue } from '../../../schemas/meta/quantity.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { find, forbid, isOn, kind, operations, type AdmissionContext } from './common.ts';

/** The node of a bound pod whose spec changes; undefined where the plugins have nothing to say. */
function createNodeOf(context: AdmissionContext) {
  const nodes = kind(context, '', 'nodes');
  return async (a: AdmissionAttributes, name: string): Promise<Node> => {
    const node = await find<Node>(context, nodes, '', name);
    if (node === undefined) throw forbid(a, `node ${JSON.stringify(name)} not found`);
    return node;
  };
}
/** Old and new of a pod on a node, if its spec changed. */
function changed(a: AdmissionAttributes): { readonly pod: Pod; readonly old: Pod; readonly node: string } | undefined {
  const [pod, old] = [a.object, a.old] as (Pod | undefined)[];
  const node = pod?.spec?.nodeName;
  if (pod === undefined || old === undefined || !node) return undefined;
  return equal(pod.spec, old.spec) ? undefined : { pod, old, node };
}

/** A pod grows no larger than its node, and on Linux alone. Source: kubernetes plugin/pkg/admission/podresize. */
export function podResizeValidator(context: AdmissionContext): AdmissionPlugin {
  const nodeOf = createNodeOf(context);
  const refuse = (a: AdmissionAttributes, why: string, reason: string): ApiError => {
    const { status } = forbid(a, why);
    // A cause of a reason alone, as the real server has it.
    const causes = [{ reason }] as unknown as NonNullable<NonNullable<typeof status.details>['causes']>;
    return new ApiError('Forbidden', status.message ?? '', { details: { ...status.details, causes } });
  };
  return {
    name: 'PodResizeValidator',
    handles: operations('UPDATE'),
    validate(a) {
      if (!isOn(a, '', 'pods', 'resize')) return;
      const found = changed(a);
      if (found === undefined) return;
      return nodeOf(a, found.node).then((node) => {
        const os = node.metadata.labels?.['kubernetes.io/os'] ?? 'linux';
        if (os !== 'linux')
          throw refuse(
            a,
            `pod resize is only supported on linux nodes, node ${JSON.stringify(found.node)} is ${JSON.stringify(os)}`,
            'UnsupportedPlatform',
          );
        const short = shortages(found.pod, node);
        if (short.length > 0)
          throw refuse(a, `node didn't have enough allocatable resources: ${short.join('; ')}`, 'NodeCapacity');
      });
    },
  };
}
function shortages(pod: Pod, node: Node): string[] {
  const requests = podQuantities(pod, 'requests', { overhead: true });
  const print: readonly (readonly [string, (amount: string | number) => number])[] = [
    ['cpu', quantityMilli],
    ['memory', quantityValue],
  ];
  return print.flatMap(([name, value]) => {
    const [wanted, there] = [requests[name] ?? '0', node.status?.allocatable?.[name] ?? '0'];
    return compareQuantities(wanted, there) > 0
      ? [`${name}, requested: ${value(wanted)}, allocatable: ${value(there)}`]
      : [];
  });
}

const isSidecar = (c: Container): boolean => c.restartPolicy === 'Always';
/** What a change of a pod asks of its node. Source: component-helpers nodedeclaredfeatures/features. */
const FEATURES: readonly (readonly [name: string, needed: (pod: Pod, old: Pod) => boolean])[] = [
  [
    'InPlacePodLevelResourcesVerticalScaling',
    (pod, old) => !equal(pod.spec?.resources ?? {}, old.spec?.resources ?? {}),
  ],
  [
    'InPlacePodVerticalScalingInitContainers',
    (pod, old) =>
      (old.spec?.initContainers ?? []).some(
        (c, i) => !isSidecar(c) && !equal(c.resources, pod.spec?.initContainers?.[i]?.resources),
      ),
  ],
];
/** A change that a node does not understand is refused. Source: kubernetes plugin/pkg/admission/nodedeclaredfeatures. */
export function nodeDeclaredFeatureValidator(context: AdmissionContext): AdmissionPlugin {
  const nodeOf = createNodeOf(context);
  return {
    name: 'NodeDeclaredFeatureValidator',
    handles: operations('UPDATE'),
    validate(a) {
      if (!isOn(a, '', 'pods') && !isOn(a, '', 'pods', 'resize')) return;
      const found = changed(a);
      if (found === undefined) return;
      const needed = FEATURES.filter(([, isNeeded]) => isNeeded(found.pod, found.old)).map(([name]) => name);
      if (needed.length === 0) return;
      return nodeOf(a, found.node).then((node) => {
        const lacking = needed.filter((name) => !(node.status?.declaredFeatures ?? []).includes(name));
        if (lacking.length > 0)
          throw forbid(
            a,
            `pod update requires features ${lacking.join(', ')} which are not available on node ${JSON.stringify(found.node)}`,
          );
      });
    },
  };
}
