/**
 * A set of paths in the form FieldsV1 has on the wire, so that stored entries need no decoding. Keys are path elements:
 * `f:name`, `k:{"name":"x"}` (keys sorted), `v:"x"`, `i:0`. A child `{}` is a member; `.` marks a member that has
 * children; a child without `.` is there for its children only. Never changed in place: parts are shared.
 * Source: structured-merge-diff fieldpath Set and its JSON form.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}
type Draft = Record<string, FieldSet>;
export const MEMBER: FieldSet = Object.freeze({});

const isLeaf = (set: FieldSet): boolean => {
  for (const _ in set) return false;
  return true;
};
export const isEmptySet = isLeaf;
export const isMember = (set: FieldSet): boolean => '.' in set || isLeaf(set);

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  let out: Draft | undefined;
  for (const key in b) {
    const ours = a[key];
    const theirs = b[key]!;
    const merged = ours === undefined ? theirs : unionOfChild(ours, theirs);
    if (merged !== ours) (out ??= { ...a })[key] = merged;
  }
  return out ?? a;
}
function unionOfChild(a: FieldSet, b: FieldSet): FieldSet {
  if (isLeaf(b)) return isMember(a) ? a : { '.': MEMBER, ...a };
  if (isLeaf(a)) return '.' in b ? b : { '.': MEMBER, ...b };
  return union(a, b);
}

/** Members of `a` that are not members of `b`; a member of `b` does not take the children of the same path along. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  let out: Draft | undefined;
  for (const key in b) {
    const ours = a[key];
    if (ours === undefined || key === '.') continue;
    const rest = differenceOfChild(ours, b[key]!);
    if (rest === ours) continue;
    out ??= { ...a };
    if (rest === undefined) delete out[key];
    else out[key] = rest;
  }
  return out ?? a;
}
function differenceOfChild(a: FieldSet, b: FieldSet): FieldSet | undefined {
  if (isLeaf(a)) return isMember(b) ? undefined : a;
  let rest = isLeaf(b) ? a : difference(a, b);
  if ('.' in rest && isMember(b)) {
    const { '.': _, ...children } = rest;
    rest = children;
    if (isLeaf(rest)) return undefined;
  }
  if (isLeaf(rest)) return undefined;
  for (const key in rest) if (key !== '.') return rest;
  return MEMBER;
}

/** Like difference, but a member of `b` takes everything below it along. */
export function differenceBelow(a: FieldSet, b: FieldSet): FieldSet {
  let out: Draft | undefined;
  for (const key in b) {
    const ours = a[key];
    if (ours === undefined || key === '.') continue;
    const theirs = b[key]!;
    const rest = isMember(theirs) ? undefined : isLeaf(ours) ? ours : differenceBelow(ours, theirs);
    if (rest === ours) continue;
    out ??= { ...a };
    if (rest === undefined || isLeaf(rest)) delete out[key];
    else out[key] = rest;
  }
  return out ?? a;
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const out: Draft = {};
  for (const key in b) {
    const ours = a[key];
    if (ours === undefined || key === '.') continue;
    const both = intersectionOfChild(ours, b[key]!);
    if (both !== undefined) out[key] = both;
  }
  return out;
}
function intersectionOfChild(a: FieldSet, b: FieldSet): FieldSet | undefined {
  const member = isMember(a) && isMember(b);
  const children = intersection(a, b);
  if (isLeaf(children)) return member ? MEMBER : undefined;
  return member ? { '.': MEMBER, ...children } : children;
}

export function intersects(a: FieldSet, b: FieldSet): boolean {
  for (const key in b) {
    const ours = a[key];
    if (ours === undefined || key === '.') continue;
    const theirs = b[key]!;
    if ((isMember(ours) && isMember(theirs)) || intersects(ours, theirs)) return true;
  }
  return false;
}
/** Whether all members of `b` are members of `a`. */
export function contains(a: FieldSet, b: FieldSet): boolean {
  for (const key in b) {
    if (key === '.') continue;
    const ours = a[key];
    const theirs = b[key]!;
    if (ours === undefined || (isMember(theirs) && !isMember(ours)) || !contains(ours, theirs)) return false;
  }
  return true;
}

/** Whether a value from a client has the shape of a set. */
export function isFieldSet(value: unknown): value is FieldSet {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  for (const key in value) {
    if (key !== '.' && (key.charCodeAt(1) !== 58 || !'fkvi'.includes(key[0]!))) return false;
    if (!isFieldSet((value as Record<string, unknown>)[key])) return false;
  }
  return true;
}

/** The set of one field, `spec.replicas`. */
export const fieldSetOfPath = (path: string): FieldSet =>
  path.split('.').reduceRight<FieldSet>((below, name) => ({ [`f:${name}`]: below }), MEMBER);

/** The set as it is written: names, then keys by their values, then values, then indexes. Source: structured-merge-diff PathElement.Compare. */
export function inOrder(set: FieldSet): FieldSet {
  const keys = Object.keys(set).sort((a, b) => rank(a) - rank(b) || compareElements(a, b));
  return Object.fromEntries(keys.map((key) => [key, inOrder(set[key]!)]));
}
const rank = (element: string): number => '.fkvi'.indexOf(element[0]!);
function compareElements(a: string, b: string): number {
  if (a.startsWith('f:') || a === '.') return order(a, b);
  const [left, right] = [JSON.parse(a.slice(2)) as unknown, JSON.parse(b.slice(2)) as unknown];
  if (!a.startsWith('k:')) return order(left, right);
  const parts = [Object.entries(left as object), Object.entries(right as object)] as const;
  for (const [i, [name, value]] of parts[0].entries()) {
    const other = parts[1][i];
    if (other === undefined) return 1;
    const found = order(name, other[0]) || order(value, other[1]);
    if (found !== 0) return found;
  }
  return parts[0].length - parts[1].length;
}
/** Numbers come before texts. */
function order(a: unknown, b: unknown): number {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  return (a as string) < (b as string) ? -1 : (a as string) > (b as string) ? 1 : 0;
}

/** Members as refusals print them, `.spec.containers[name="c"].image`: those of a level first, then what is below. */
export function* printedPaths(set: FieldSet, prefix = ''): Generator<string> {
  const keys = Object.keys(set).filter((key) => key !== '.').sort(); // prettier-ignore
  for (const key of keys) if (isMember(set[key]!)) yield prefix + printElement(key);
  for (const key of keys) yield* printedPaths(set[key]!, prefix + printElement(key));
}
export function printElement(element: string): string {
  const text = element.slice(2);
  if (element.startsWith('f:')) return `.${text}`;
  if (element.startsWith('v:')) return `[=${text}]`;
  if (element.startsWith('i:')) return `[${text}]`;
  const keys = JSON.parse(text) as Record<string, unknown>;
  return `[${Object.entries(keys).map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`; // prettier-ignore
}
