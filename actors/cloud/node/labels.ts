import type { Node } from '../../../schemas/generated/core-v1.ts';

export const ZONE = 'topology.kubernetes.io/zone';
export const REGION = 'topology.kubernetes.io/region';
const TYPE = 'node.kubernetes.io/instance-type';
const BETA_ZONE = 'failure-domain.beta.kubernetes.io/zone';
const BETA_REGION = 'failure-domain.beta.kubernetes.io/region';
const BETA_TYPE = 'beta.kubernetes.io/instance-type';

export const zoneLabels = (zone: string): Record<string, string> => ({ [BETA_ZONE]: zone, [ZONE]: zone });
export const regionLabels = (region: string): Record<string, string> => ({ [BETA_REGION]: region, [REGION]: region });
export const typeLabels = (type: string): Record<string, string> => ({ [BETA_TYPE]: type, [TYPE]: type });

/** Of before v1.17, which lead, and those that follow. Source: controllers/node labelReconcileInfo. */
const FOLLOWED = [
  [BETA_ZONE, ZONE],
  [BETA_REGION, REGION],
  [BETA_TYPE, TYPE],
] as const;

/** Labels that must become what the older ones beside them say. */
export function followingLabels({ metadata: { labels = {} } }: Node): Readonly<Record<string, string>> {
  return Object.fromEntries(
    FOLLOWED.flatMap(([leads, follows]) => {
      const value = labels[leads];
      return value === undefined || labels[follows] === value ? [] : [[follows, value]];
    }),
  );
}
/** Kubernetes' own names are not a cloud's to give. Source: controllers/node getNodeModifiersFromCloudProvider. */
const RESERVED = /(^|\.)(kubernetes|k8s)\.io\//;
export const additionalLabels = (
  wanted: Readonly<Record<string, string>> = {},
  present: Readonly<Record<string, string>> = {},
): Record<string, string> =>
  Object.fromEntries(Object.entries(wanted).filter(([key]) => !RESERVED.test(key) && present[key] === undefined));
