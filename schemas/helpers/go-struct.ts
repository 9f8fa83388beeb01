import { builtinSchemas } from '../structural/builtin.ts';
import { planOf, type Plan, type StructPlan } from '../structural/plan.ts';

type Struct = Record<string, unknown>;

/** Words that Go writes in capitals at the start of a field's name. */
const ACRONYM =
  /^(?:gce|aws|nfs|iscsi|rbd|fc|fs|csi|dns|uid|gid|tcp|api|http|grpc|se|tty|os|tls|cel|ip|url|id|ca)(?=[A-Z]|s?$)/;
/** Fields that the server's own structs name otherwise, by struct. */
const NAMED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  VolumeSource: { storageos: 'StorageOS' },
  PersistentVolumeSpec: { storageos: 'StorageOS' },
  GCEPersistentDiskVolumeSource: { pdName: 'PDName' },
  ISCSIVolumeSource: { iqn: 'IQN', chapAuthDiscovery: 'DiscoveryCHAPAuth', chapAuthSession: 'SessionCHAPAuth' },
  FCVolumeSource: { wwids: 'WWIDs' },
  GlusterfsVolumeSource: { endpoints: 'EndpointsName' },
  RBDVolumeSource: { monitors: 'CephMonitors', image: 'RBDImage', pool: 'RBDPool', user: 'RadosUser' },
  AzureDiskVolumeSource: { diskURI: 'DataDiskURI' },
  ScaleIOVolumeSource: { sslEnabled: 'SSLEnabled' },
  DeviceAttribute: {
    int: 'IntValue', bool: 'BoolValue', string: 'StringValue', version: 'VersionValue',
    ints: 'IntValues', bools: 'BoolValues', strings: 'StringValues', versions: 'VersionValues',
  },
  WindowsSecurityContextOptions: { gmsaCredentialSpecName: 'GMSACredentialSpecName', gmsaCredentialSpec: 'GMSACredentialSpec' },
}; // prettier-ignore
const namesOf = (struct: string): Readonly<Record<string, string>> =>
  NAMED[struct === 'Volume' ? 'VolumeSource' : struct.replace(/PersistentVolumeSource$/, 'VolumeSource')] ?? {};
const goName = (field: string): string => {
  if (field === 'cephfs') return 'CephFS';
  const name = field.replace(ACRONYM, (word) => word.toUpperCase());
  return `${name[0]!.toUpperCase()}${name.slice(1)}`.replace(
    /(Id|Ip)(s?)$/,
    (_, word: string, s: string) => word.toUpperCase() + s,
  );
};
/** Of one API version inside as well: printed as clients see them. */
const VERSIONED = new Set(['ObjectMeta', 'LabelSelector']);
const HOST_FIELDS = ['hostNetwork', 'hostPID', 'hostIPC', 'shareProcessNamespace', 'hostUsers'];

/**
 * A value of a definition as Go prints the API server's own struct: every field by its Go name, unset ones as null or
 * zero, `{"Group":"","Resource":"services"}`. `only` keeps some fields, in its order. Source: pkg/apis/<group>/types.go.
 */
export function goStruct(value: unknown, definition: string, only?: readonly string[]): unknown {
  const plan = planOf(builtinSchemas.definition(definition) ?? {}, builtinSchemas, definition);
  if (only === undefined || plan.kind !== 'struct') return convert(value, plan);
  return convert(value, { ...plan, fields: only.map((name) => plan.byName.get(name)!) });
}
function convert(value: unknown, plan: Plan): unknown {
  if (value === undefined || value === null) return null;
  if (plan.kind === 'list') return (value as unknown[]).map((item) => convert(item, plan.items));
  if (plan.kind === 'map') return sorted(value as Struct, (v) => convert(v, plan.values));
  if (plan.kind !== 'struct') return value;
  const given = value as Struct;
  switch (plan.name) {
    case 'PodSpec':
      return podSpec(given, plan);
    case 'Volume':
      return fieldsOf(given, moved(plan, 'quobyte', 'flexVolume'));
    case 'PersistentVolumeSpec':
      return fieldsOf(given, moved(moved(plan, 'quobyte', 'iscsi'), 'flexVolume', 'cinder'));
    case 'PodSecurityContext':
      return fieldsOf(given, moved(plan, 'fsGroupChangePolicy', 'sysctls'));
    default:
      return VERSIONED.has(plan.name) ? clientForm(given) : fieldsOf(given, plan);
  }
}
/** Inside, what a pod shares with its host is part of its security context. */
function podSpec(given: Struct, whole: StructPlan): Struct {
  let plan = moved(whole, 'setHostnameAsFQDN', 'affinity');
  plan = moved(plan, 'preemptionPolicy', 'dnsConfig');
  plan = moved(plan, 'overhead', 'enableServiceLinks');
  const own = plan.fields.filter((f) => !HOST_FIELDS.includes(f.name) && f.name !== 'serviceAccount');
  const host = HOST_FIELDS.map((name) => plan.byName.get(name)!);
  const out = fieldsOf(given, { ...plan, fields: own });
  out['SecurityContext'] = {
    ...fieldsOf(given, { ...plan, fields: host }),
    ...(convert(given['securityContext'] ?? {}, plan.byName.get('securityContext')!.plan) as Struct),
  };
  return out;
}
function fieldsOf(given: Struct, plan: StructPlan): Struct {
  const out: Struct = {};
  const named = namesOf(plan.name);
  for (const field of plan.fields) {
    const value = given[field.name];
    if (field.plan.kind === 'struct' && field.plan.name === 'ObjectMeta') Object.assign(out, clientForm(value ?? {}));
    else
      out[named[field.name] ?? goName(field.name)] =
        value === undefined && !field.pointer ? zeroOf(field.plan) : convert(value, field.plan);
  }
  return out;
}
/** The plan with one field before another, as the struct inside has them. */
function moved(plan: StructPlan, name: string, before: string): StructPlan {
  const field = plan.byName.get(name);
  if (field === undefined) return plan;
  const fields = plan.fields.filter((f) => f !== field);
  const at = fields.findIndex((f) => f.name === before);
  return { ...plan, fields: [...fields.slice(0, at), field, ...fields.slice(at)] };
}
/** As decoded but without empty lists and maps, and Go prints the keys of maps in order. */
function clientForm(value: unknown): Struct {
  const out: Struct = {};
  for (const [key, part] of Object.entries(value as Struct)) {
    if (part === null || part === undefined || (typeof part === 'object' && Object.keys(part).length === 0)) continue;
    out[key] = typeof part === 'object' && !Array.isArray(part) ? sorted(part as Struct, (v) => v) : part;
  }
  return out;
}
function sorted(map: Struct, of: (value: unknown) => unknown): Struct {
  return Object.fromEntries(
    Object.keys(map)
      .toSorted()
      .map((key) => [key, of(map[key])]),
  );
}
function zeroOf(plan: Plan): unknown {
  switch (plan.kind) {
    case 'struct':
      return convert({}, plan);
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'int32':
    case 'int64':
    case 'double':
    case 'intOrString':
      return 0;
    case 'quantity':
      return '0';
    default:
      return null;
  }
}
