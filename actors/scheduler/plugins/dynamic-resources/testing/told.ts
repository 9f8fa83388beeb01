import type { AllocationResult } from '../../../../../schemas/generated/resource-v1.ts';

/** All that matters of allocations in a line: devices with what is taken of them, settings, and where they can be reached. */
export const told = (found: readonly AllocationResult[] | string): string =>
  typeof found === 'string' ? found.replaceAll('\n', '\\n') : found.map(line).join(' | ');
function line({ devices, nodeSelector }: AllocationResult): string {
  const given = (devices?.results ?? []).map(({ request, pool, device, adminAccess, consumedCapacity, tolerations, bindingConditions }) =>
    [`${request}=${pool}/${device}`, adminAccess && 'admin', ...Object.entries(consumedCapacity ?? {}).map(([k, v]) => `${k}:${v}`), tolerations && `t${tolerations.length}`, bindingConditions?.join('+')].filter(Boolean).join(','));
  const config = (devices?.config ?? []).map(({ source, requests }) => `${source === 'FromClass' ? 'class' : 'claim'}(${requests?.join(' ') ?? ''})`);
  const terms = (nodeSelector?.nodeSelectorTerms ?? []).flatMap(({ matchFields = [], matchExpressions = [] }) => [...matchFields, ...matchExpressions]);
  return [...given, ...config, ...terms.map(({ key, values }) => `${key} in ${values?.join()}`)].join(' ');
} // prettier-ignore
