import type { Device, DeviceAttribute, DeviceConstraint } from '../../../../../schemas/generated/resource-v1.ts';
import type { Candidate } from './devices.ts';
import type { Request } from './requests.ts';

/** What the devices of a claim have to have in common, or not. */
export interface Constraint {
  /** Whether the device may join those that were added; if so, it has. */
  add(request: Request, candidate: Candidate): boolean;
  /** The last that was added leaves. */
  remove(request: Request, candidate: Candidate): void;
}
/** Undefined for a kind of constraint that is not known. */
export function constraintOf(of: DeviceConstraint): Constraint | undefined {
  if (of.matchAttribute !== undefined) return constraint(of, of.matchAttribute, (key, held) => held.length === 0 || held.at(-1) === key); // prettier-ignore
  if (of.distinctAttribute !== undefined) return constraint(of, of.distinctAttribute, (key, held) => !held.includes(key)); // prettier-ignore
  return undefined;
}
/**
 * `admits`: whether a device with an attribute may join those that have the others. Upstream keeps the values to be
 * distinct one per request, and so lets a third device of a request have what the first has; here all count. Source:
 * structured/internal matchAttributeConstraint, distinctAttributeConstraint.
 */
function constraint(
  { requests = [] }: DeviceConstraint,
  name: string,
  admits: (key: string, held: readonly string[]) => boolean,
): Constraint {
  const speaksOf = ({ base, name: full }: Request): boolean =>
    requests.length === 0 || requests.includes(base) || requests.includes(full);
  const held: string[] = [];
  return {
    add(request, { device, driver }) {
      if (!speaksOf(request)) return true;
      const attribute = attributeOf(device, driver, name);
      const key = attribute && keyOf(attribute);
      if (key === undefined || !admits(key, held)) return false;
      held.push(key);
      return true;
    },
    remove(request) {
      if (speaksOf(request)) held.pop();
    },
  };
}
/** Values of different types are different. */
function keyOf({ string, int, bool, version }: DeviceAttribute): string | undefined {
  if (string !== undefined) return `s${string}`;
  if (int !== undefined) return `i${int}`;
  if (bool !== undefined) return `b${bool}`;
  return version === undefined ? undefined : `v${version}`;
}
/** By its full name, or without the domain where that is the driver's. Source: lookupAttribute. */
function attributeOf({ attributes = {} }: Device, driver: string, name: string): DeviceAttribute | undefined {
  if (Object.hasOwn(attributes, name)) return attributes[name];
  const slash = name.indexOf('/');
  const short = name.slice(slash + 1);
  return slash >= 0 && name.slice(0, slash) === driver && Object.hasOwn(attributes, short) ? attributes[short] : undefined;
} // prettier-ignore
