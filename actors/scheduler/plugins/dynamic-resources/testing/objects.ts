import type {
  Device,
  DeviceClaim,
  DeviceClass,
  DeviceRequest,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceSlice,
  ResourceSliceSpec,
} from '../../../../../schemas/generated/resource-v1.ts';

export const DRIVER = 'gpu.example.com';
const apiVersion = 'resource.k8s.io/v1';

/** A slice of its own pool, of node `n` if nothing else is said. */
export function aSlice(name: string, devices: readonly (string | Device)[], spec: Partial<ResourceSliceSpec> & { readonly pool?: ResourceSliceSpec['pool'] } = {}): ResourceSlice {
  const isPlaced = (spec.nodeName ?? spec.allNodes ?? spec.nodeSelector ?? spec.perDeviceNodeSelection) !== undefined;
  return {
    apiVersion,
    kind: 'ResourceSlice',
    metadata: { name, uid: `uid-${name}`, resourceVersion: '1' },
    spec: {
      driver: DRIVER,
      pool: { name, generation: 1, resourceSliceCount: 1 },
      ...(!isPlaced && { nodeName: 'n' }),
      ...(devices.length > 0 && { devices: devices.map((one) => (typeof one === 'string' ? { name: one } : one)) }),
      ...spec,
    },
  };
} // prettier-ignore
export const aClass = (name: string, spec: DeviceClass['spec'] = {}): DeviceClass => ({
  apiVersion,
  kind: 'DeviceClass',
  metadata: { name },
  spec,
});
export const aClaim = (name: string, devices: DeviceClaim, o: Partial<ResourceClaim> = {}): ResourceClaim => ({
  apiVersion,
  kind: 'ResourceClaim',
  metadata: { name, namespace: 'default', uid: `uid-${name}` },
  spec: { devices },
  ...o,
});
/** A request of class `gpu`. */
export const one = (name = 'r', o: Partial<ExactDeviceRequest> = {}): DeviceRequest => ({
  name,
  exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', ...(o.allocationMode !== 'All' && { count: 1 }), ...o },
}); // prettier-ignore
export const selecting = (...expressions: string[]): { selectors: { cel: { expression: string } }[] } => ({
  selectors: expressions.map((expression) => ({ cel: { expression } })),
});
