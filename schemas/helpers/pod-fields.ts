import type { Container, Pod, ResourceFieldSelector } from '../generated/core-v1.ts';
import { goQuote } from '../meta/go-quote.ts';
import { qualifiedName } from '../meta/names.ts';
import { milliValue, value } from './quantity-number.ts';

/** What the downward API knows of a pod besides the object itself. First address first. */
export interface PodAddresses {
  readonly podIPs: readonly string[];
  readonly hostIPs: readonly string[];
}
const NOWHERE: PodAddresses = { podIPs: [], hostIPs: [] };

/**
 * The text that a `fieldRef` stands for, in variables and in files. Throws: Error, a path that names nothing.
 * Source: kubelet podFieldSelectorRuntimeValue, pkg/fieldpath ExtractFieldPathAsString.
 */
export function podField(pod: Pod, path: string, { podIPs, hostIPs }: PodAddresses = NOWHERE): string {
  const { metadata, spec } = pod;
  const [, map, key] = /^(.+?)\['(.*)'\]$/s.exec(path) ?? [];
  if (map !== undefined && key !== undefined) {
    if (map !== 'metadata.annotations' && map !== 'metadata.labels')
      throw new Error(`fieldPath ${goQuote(path)} does not support subscript`);
    const problems = [...qualifiedName(map === 'metadata.labels' ? key : key.toLowerCase())];
    if (problems.length > 0) throw new Error(`invalid key subscript in ${path}: ${problems.join(';')}`);
    const values = map === 'metadata.labels' ? metadata.labels : metadata.annotations;
    return values !== undefined && Object.hasOwn(values, key) ? values[key]! : '';
  }
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return listed(metadata.labels);
    case 'metadata.annotations':
      return listed(metadata.annotations);
    case 'spec.nodeName':
    case 'spec.host':
      return spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return hostIPs[0] ?? '';
    case 'status.hostIPs':
      return hostIPs.join(',');
    case 'status.podIP':
      return podIPs[0] ?? '';
    case 'status.podIPs':
      return podIPs.join(',');
    default:
      throw new Error(`unsupported fieldPath: ${path}`);
  }
}
/** `key="value"` by line, in order. Source: pkg/fieldpath FormatMap. */
const listed = (map: Readonly<Record<string, string>> = {}): string =>
  Object.keys(map)
    .sort()
    .map((key) => `${key}=${goQuote(map[key]!)}`)
    .join('\n');

type Amounts = Readonly<Record<string, string | number>>;
/** Those that fall back to what the pod or the node has. */
const DEFAULTED = ['cpu', 'memory', 'ephemeral-storage'] as const;
/** Of pod-level resources. */
const POD_LEVEL: readonly string[] = ['cpu', 'memory'];

/**
 * The text that a `resourceFieldRef` stands for: of the container named, or else of `own`; a limit that is not set is the
 * pod's, or else what the node has. In units of the divisor, rounded up. Throws: Error, what names nothing.
 * Source: kubelet defaultPodLimitsForDownwardAPI, pkg/api/v1/resource ExtractContainerResourceValue.
 */
export function resourceField(
  selector: ResourceFieldSelector,
  pod: Pod,
  own: Container | undefined,
  allocatable: Amounts = {},
): string {
  const { containerName = '', resource, divisor } = selector;
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const container = containerName === '' ? own : [...containers, ...initContainers].find((c) => c.name === containerName); // prettier-ignore
  if (container === undefined) throw new Error(`container ${containerName} not found`);
  const [, list, name] = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(resource) ?? [];
  if (list === undefined || name === undefined) throw new Error(`unsupported container resource : ${resource}`);
  const amounts: Amounts = container.resources?.[list as 'limits' | 'requests'] ?? {};
  let quantity = amounts[name];
  // Limits of init containers that are named by others stay as they are.
  const isDefaulted = container === own || containers.includes(container);
  if (list === 'limits' && isDefaulted && value(quantity) === 0 && DEFAULTED.some((each) => each === name)) {
    const ofPod = POD_LEVEL.includes(name) ? pod.spec?.resources?.limits?.[name] : undefined;
    const ofNode = allocatable[name];
    quantity = ofNode !== undefined && value(ofPod) > 0 ? ofPod : (ofNode ?? quantity);
  }
  const by = value(divisor) === 0 && milliValue(divisor) === 0 ? '1' : divisor;
  const units = name === 'cpu' ? milliValue(quantity) / milliValue(by) : value(quantity) / value(by);
  return String(Math.ceil(units));
}
