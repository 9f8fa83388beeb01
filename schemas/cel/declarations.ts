import { KUBERNETES } from './declarations-kubernetes.ts';
import { LANGUAGE } from './declarations-language.ts';
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  NULL,
  objectOf,
  optionalOf,
  paramOf,
  STRING,
  TIMESTAMP,
  TYPE,
  typeOf,
  UINT,
  type CelType,
} from './types.ts';

export interface Overload {
  readonly id: string;
  readonly isMember: boolean;
  /** The target's first. */
  readonly args: readonly CelType[];
  readonly result: CelType;
  readonly params: readonly string[];
}
/** Makes a further function known: lines as in declarations-language.ts. */
export function declare(lines: string): ReadonlyMap<string, readonly Overload[]> {
  const out = new Map<string, Overload[]>();
  for (const line of lines.trim().split('\n')) {
    const [, name, id, dot, args, result] = LINE.exec(line)!;
    const params = new Set<string>();
    const overload: Overload = {
      id: id!,
      isMember: dot === '.',
      args: splitTypes(args!).map((one) => parseType(one, params)),
      result: parseType(result!, params),
      params: [...params],
    };
    const known = out.get(name!);
    if (known) known.push(overload);
    else out.set(name!, [overload]);
  }
  return out;
}
const LINE = /^(\S+) (\S+) (\.?)\((.*)\) (\S.*)$/;
let declared: Map<string, readonly Overload[]> | undefined;

/** The overloads of a function that every environment has; undefined if there is none of that name. */
export function overloadsOf(name: string): readonly Overload[] | undefined {
  declared ??= load();
  return declared.get(name);
}
function load(): Map<string, readonly Overload[]> {
  const out = new Map(declare(LANGUAGE));
  for (const [name, overloads] of declare(KUBERNETES)) out.set(name, [...(out.get(name) ?? []), ...overloads]);
  return out;
}

const SCALARS: Readonly<Record<string, CelType>> = {
  bool: BOOL,
  int: INT,
  uint: UINT,
  double: DOUBLE,
  string: STRING,
  bytes: BYTES,
  timestamp: TIMESTAMP,
  duration: DURATION,
  dyn: DYN,
};
/** Reads a type as showType prints it; single capitals are parameters and are gathered. */
function parseType(text: string, params: Set<string>): CelType {
  if (Object.hasOwn(SCALARS, text)) return SCALARS[text]!;
  if (/^[A-Z]$/.test(text)) {
    params.add(text);
    return paramOf(text);
  }
  const [, name, inner] = /^([a-z_]+)\((.*)\)$/.exec(text) ?? [];
  if (name === undefined) return objectOf(text);
  const [first, second] = splitTypes(inner!).map((one) => parseType(one, params));
  if (name === 'list') return listOf(first!);
  if (name === 'map') return mapOf(first!, second!);
  return name === 'type' ? typeOf(first!) : optionalOf(first!);
}
/** At the commas that are outside of brackets. */
function splitTypes(text: string): string[] {
  const out: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth += 1;
    else if (text[i] === ')') depth -= 1;
    else if (text[i] === ',' && depth === 0) {
      out.push(text.slice(start, i));
      start = i + 2;
    }
  }
  if (text !== '') out.push(text.slice(start));
  return out;
}

/** Names that are types: what an identifier may be where no variable has its name. */
export function namedType(name: string): CelType | undefined {
  return Object.hasOwn(NAMED_TYPES, name) ? NAMED_TYPES[name] : undefined;
}
const NAMED_TYPES: Readonly<Record<string, CelType>> = {
  bool: BOOL,
  int: INT,
  uint: UINT,
  double: DOUBLE,
  string: STRING,
  bytes: BYTES,
  duration: DURATION,
  timestamp: TIMESTAMP,
  null_type: NULL,
  list: listOf(paramOf('A')),
  map: mapOf(paramOf('A'), paramOf('B')),
  type: TYPE,
  optional_type: optionalOf(paramOf('V')),
  'google.protobuf.Duration': DURATION,
  'google.protobuf.Timestamp': TIMESTAMP,
  'google.protobuf.Any': DYN,
  'google.protobuf.Value': DYN,
  'google.protobuf.Struct': mapOf(STRING, DYN),
  'google.protobuf.ListValue': listOf(DYN),
  'google.protobuf.BoolValue': BOOL,
  'google.protobuf.BytesValue': BYTES,
  'google.protobuf.DoubleValue': DOUBLE,
  'google.protobuf.FloatValue': DOUBLE,
  'google.protobuf.Int32Value': INT,
  'google.protobuf.Int64Value': INT,
  'google.protobuf.StringValue': STRING,
  'google.protobuf.UInt32Value': UINT,
  'google.protobuf.UInt64Value': UINT,
  'net.CIDR': objectOf('net.CIDR'),
  'net.IP': objectOf('net.IP'),
};
