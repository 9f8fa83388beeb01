import { builtinSchemas } from '../structural/builtin.ts';
import { planOf, type Plan } from '../structural/plan.ts';

const CONTEXT = 3;

/**
 * Two values as indented JSON of Go's structs, line by line, with three lines around each change: what some immutable
 * fields answer with. Source: apimachinery pkg/util/diff Diff.
 */
export function diffOfStructs(definition: string, old: unknown, object: unknown, only?: readonly string[]): string {
  const whole = planOf(builtinSchemas.definition(definition) ?? {}, builtinSchemas);
  const plan =
    only && whole.kind === 'struct' ? { ...whole, fields: whole.fields.filter((f) => only.includes(f.name)) } : whole;
  const a = JSON.stringify(goStruct(old, plan), null, 1).split('\n');
  const b = JSON.stringify(goStruct(object, plan), null, 1).split('\n');
  return unified(a, b);
}
const ACRONYM = /^(?:gce|aws|nfs|iscsi|rbd|fc|csi|dns|uid|gid|tcp|api)(?=[A-Z]|$)/;
const goName = (field: string): string => {
  if (field === 'cephfs') return 'CephFS';
  const acronym = ACRONYM.exec(field)?.[0] ?? '';
  const rest = field.slice(acronym.length);
  return (
    acronym.toUpperCase() +
    (rest === ''
      ? ''
      : rest[0]!.toUpperCase() + rest.slice(1).replace(/Id$/, 'ID').replace(/Ips$/, 'IPs').replace(/Ip$/, 'IP'))
  );
};
/** A value of a definition as Go prints the struct. */
export const asGoStruct = (definition: string, value: unknown): unknown =>
  goStruct(value, planOf(builtinSchemas.definition(definition) ?? {}, builtinSchemas));

/** Every field of the struct by its Go name, unset ones as null or zero. */
function goStruct(value: unknown, plan: Plan): unknown {
  if (value === undefined || value === null) return null;
  if (plan.kind === 'list') return (value as unknown[]).map((item) => goStruct(item, plan.items));
  if (plan.kind !== 'struct') return value;
  const out: Record<string, unknown> = {};
  for (const field of plan.fields) {
    const given = (value as Record<string, unknown>)[field.name];
    out[goName(field.name)] = given === undefined && !field.pointer ? zeroOf(field.plan) : goStruct(given, field.plan);
  }
  return out;
}
function zeroOf(plan: Plan): unknown {
  switch (plan.kind) {
    case 'struct':
      return goStruct({}, plan);
    case 'string':
      return '';
    case 'boolean':
      return false;
    case 'int32':
    case 'int64':
      return 0;
    default:
      return null;
  }
}
/** The hunks of a unified diff. */
function unified(a: readonly string[], b: readonly string[]): string {
  const length: number[][] = Array.from({ length: a.length + 1 }, () => Array.from({ length: b.length + 1 }, () => 0));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i]![j] = a[i] === b[j] ? length[i + 1]![j + 1]! + 1 : Math.max(length[i + 1]![j]!, length[i]![j + 1]!);
  const lines: { mark: ' ' | '-' | '+'; text: string; i: number; j: number }[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) lines.push({ mark: ' ', text: a[i]!, i: i++, j: j++ });
    else if (i < a.length && (j >= b.length || length[i + 1]![j]! >= length[i]![j + 1]!))
      lines.push({ mark: '-', text: a[i]!, i: i++, j });
    else lines.push({ mark: '+', text: b[j]!, i, j: j++ });
  }
  const near = lines.map((_, n) => lines.slice(Math.max(0, n - CONTEXT), n + CONTEXT + 1).some((l) => l.mark !== ' '));
  let out = '';
  for (let n = 0; n < lines.length; n++) {
    if (!near[n]) continue;
    if (n === 0 || !near[n - 1]) {
      let end = n;
      while (end < lines.length && near[end]) end++;
      const hunk = lines.slice(n, end);
      const olds = hunk.filter((l) => l.mark !== '+').length;
      const news = hunk.filter((l) => l.mark !== '-').length;
      out += `@@ -${lines[n]!.i + 1},${olds} +${lines[n]!.j + 1},${news} @@\n`;
    }
    out += `${lines[n]!.mark}${lines[n]!.text}\n`;
  }
  return out;
}
