/**
 * Structs of Go that lie within another one without a key of their own. `own`: the outer struct's fields, all others are
 * the inner one's; `inner`: the inner one's fields.
 */
type Embedding = { readonly of: string } & (
  { readonly own: readonly string[] } | { readonly inner: readonly string[] }
);

const NAME: Embedding = { of: 'LocalObjectReference', inner: ['name'] };
const DEVICE: Embedding = { of: 'DeviceConfiguration', inner: ['opaque'] };
const EMBEDDED: Readonly<Record<string, Embedding>> = {
  Volume: { of: 'VolumeSource', own: ['name'] },
  PersistentVolumeSpec: {
    of: 'PersistentVolumeSource',
    own: ['capacity', 'accessModes', 'claimRef', 'persistentVolumeReclaimPolicy', 'storageClassName', 'mountOptions', 'volumeMode', 'nodeAffinity', 'volumeAttributesClassName'],
  },
  SecretProjection: NAME, ConfigMapVolumeSource: NAME, ConfigMapProjection: NAME, ConfigMapKeySelector: NAME,
  SecretKeySelector: NAME, ConfigMapEnvSource: NAME, SecretEnvSource: NAME,
  Probe: { of: 'ProbeHandler', inner: ['exec', 'httpGet', 'tcpSocket', 'grpc'] },
  EphemeralContainer: { of: 'EphemeralContainerCommon', own: ['targetContainerName'] },
  IngressRule: { of: 'IngressRuleValue', inner: ['http'] },
  DeviceClaimConfiguration: DEVICE, DeviceAllocationConfiguration: DEVICE, DeviceClassConfiguration: DEVICE,
  RuleWithOperations: { of: 'Rule', own: ['operations'] },
  NamedRuleWithOperations: { of: 'RuleWithOperations', own: ['resourceNames'] },
}; // prettier-ignore

/** A field as Go's decoder names it in errors: `VolumeSource.hostPath` of a Volume. Source: encoding/json UnmarshalTypeError.Field. */
export function namedField(struct: string, field: string): string {
  const embedding = Object.hasOwn(EMBEDDED, struct) ? EMBEDDED[struct] : undefined;
  if (embedding === undefined) return field;
  const isInner = 'own' in embedding ? !embedding.own.includes(field) : embedding.inner.includes(field);
  return isInner ? `${embedding.of}.${namedField(embedding.of, field)}` : field;
}
