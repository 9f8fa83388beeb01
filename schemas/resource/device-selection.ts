import {
  CelCompileError, CelEntries, CelError, compile, declaredType, evaluate, instantiationProblem, readQuantity, readVersion, typeNameOf,
  type CelProgram, type CelValue,
} from '../cel/index.ts'; // prettier-ignore
import type { Device, DeviceAttribute } from '../generated/resource-v1.ts';
import { deviceEnvironment, MAX_COST } from './device-expressions.ts';

/** What an expression came to for a device: whether it selects it, or why it cannot tell (upstream's words). */
export type Selected = boolean | { readonly error: string };

/** Compiled expressions that are kept; claims of a template and classes all share a few. */
const MOST = 100;
const programs = new Map<string, CelProgram | { readonly error: string }>();

function programOf(source: string): CelProgram | { readonly error: string } {
  let found = programs.get(source);
  if (found !== undefined) return found;
  found = compiled(source);
  if (programs.size >= MOST) for (const oldest of programs.keys()) if (programs.delete(oldest)) break;
  programs.set(source, found);
  return found;
}
function compiled(source: string): CelProgram | { readonly error: string } {
  try {
    const program = compile(source, deviceEnvironment);
    const { kind } = program.type;
    if (kind !== 'bool' && kind !== 'any')
      return { error: `must evaluate to bool or the unknown type, not ${declaredType(program.type)}` };
    const problem = instantiationProblem(program);
    return problem === undefined ? program : { error: `program instantiation failed: ${problem}` };
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return { error: `compilation failed: ${error.message}` };
  }
}
/**
 * Whether an expression of a class or a request selects a device. Pure. Source: dynamic-resource-allocation cel/compile.go
 * DeviceMatches.
 */
export function selectsDevice(source: string, driver: string, device: Device): Selected {
  let known = answers.get(device);
  if (known === undefined) answers.set(device, (known = new Map<string, Selected>()));
  let selected = known.get(source);
  if (selected === undefined) {
    if (known.size >= MOST) known.clear();
    known.set(source, (selected = select(source, driver, device)));
  }
  return selected;
}
/** Neither an expression nor a device ever changes. */
const answers = new WeakMap<Device, Map<string, Selected>>();
function select(source: string, driver: string, device: Device): Selected {
  const program = programOf(source);
  if ('error' in program) return { error: `CEL compile error: ${program.error}` };
  const seen = valueOf(driver, device);
  if (typeof seen === 'string') return { error: `CEL runtime error: ${seen}` };
  const { value } = evaluate(program, new Map([['device', seen]]), Number(MAX_COST));
  if (typeof value === 'boolean') return value;
  const why =
    value instanceof CelError
      ? value.message
      : `CEL result of type ${typeNameOf(value)} could not be converted to bool: unsupported native conversion from ${typeNameOf(value)} to 'bool'`;
  return { error: `CEL runtime error: ${why}` };
}

/** Domains: one that the device says nothing of has no attributes, rather than being an error. */
class Domains extends CelEntries {
  static readonly #nothing = new CelEntries();
  override find(key: CelValue): CelValue {
    return super.find(key) ?? Domains.#nothing;
  }
  override has(key: CelValue): boolean {
    return super.find(key) !== undefined;
  }
}
const values = new WeakMap<Device, CelEntries | string>();
/** As expressions see it; text: why they cannot. A device belongs to one slice, and so to one driver. */
function valueOf(driver: string, device: Device): CelEntries | string {
  let value = values.get(device);
  if (value === undefined) values.set(device, (value = read(driver, device)));
  return value;
}
function read(driver: string, device: Device): CelEntries | string {
  const attributes = new Domains();
  for (const [name, attribute] of Object.entries(device.attributes ?? {})) {
    const value = attributeValue(attribute);
    if (value instanceof CelError) return `attribute ${name}: ${value.message}`;
    put(attributes, driver, name, value);
  }
  const capacity = new Domains();
  for (const [name, { value }] of Object.entries(device.capacity ?? {}))
    put(capacity, driver, name, readQuantity(String(value)));
  const all = new CelEntries();
  all.set('driver', driver);
  all.set('allowMultipleAllocations', device.allowMultipleAllocations ?? false);
  all.set('attributes', attributes);
  all.set('capacity', capacity);
  return all;
}
function put(domains: CelEntries, driver: string, name: string, value: CelValue): void {
  const slash = name.indexOf('/');
  const domain = slash < 0 ? driver : name.slice(0, slash);
  const of = domains.has(domain) === true ? domains.find(domain) : undefined;
  const entries = of instanceof CelEntries ? of : new CelEntries();
  if (entries !== of) domains.set(domain, entries);
  entries.set(name.slice(slash + 1), value);
}
function attributeValue({ int, bool, string, version }: DeviceAttribute): CelValue {
  if (int !== undefined) return BigInt(int);
  if (bool !== undefined) return bool;
  if (string !== undefined) return string;
  if (version === undefined) return new CelError('unsupported attribute value');
  const value = readVersion(version);
  return value instanceof CelError ? new CelError(`parse semantic version: ${value.message}`) : value;
}
