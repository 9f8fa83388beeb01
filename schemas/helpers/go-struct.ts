import { builtinSchemas } from '../structural/builtin.ts';
import { planOf, type Plan } from '../structural/plan.ts';

/** Words that Go writes in capitals at the start of a field's name. */
const ACRONYMS = /^(gce|aws|api|dns|tls|uid|csi|nfs|rbd|iscsi|cel|ip|url|id|ca|fc)(?=[A-Z]|s?$|CIDR|IDs)/;
const goName = (field: string): string => {
  if (field === 'fc') return 'FC';
  const name = field.replace(ACRONYMS, (word) => (word === 'iscsi' ? 'ISCSI' : word.toUpperCase()));
  return `${name[0]!.toUpperCase()}${name.slice(1)}`.replace(/Id$/, 'ID').replace(/Ids$/, 'IDs').replace(/Ips$/, 'IPs').replace(/Ip$/, 'IP'); // prettier-ignore
};

/**
 * A value with every field of its Go struct by the struct's own name, unset ones as null or zero: what the server
 * prints of values that it compares before conversion, `{"Group":"","Resource":"services"}`.
 */
export function goStruct(value: unknown, definition: string): unknown {
  return convert(value, planOf(builtinSchemas.definition(definition) ?? {}, builtinSchemas));
}
function convert(value: unknown, plan: Plan): unknown {
  if (value === undefined || value === null) return null;
  if (plan.kind === 'list') return (value as unknown[]).map((item) => convert(item, plan.items));
  if (plan.kind === 'map') return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, convert(item, plan.values)])); // prettier-ignore
  if (plan.kind !== 'struct') return value;
  const out: Record<string, unknown> = {};
  for (const field of plan.fields) {
    const given = (value as Record<string, unknown>)[field.name];
    out[goName(field.name)] = given === undefined && !field.pointer ? zeroOf(field.plan) : convert(given, field.plan);
  }
  return out;
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
