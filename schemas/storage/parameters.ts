import { invalid, required, tooLong, type FieldError, type FieldPath } from '../meta/field.ts';
import { byteLength, qualifiedName } from '../meta/names.ts';

type Errors = Generator<FieldError, void, undefined>;
/** Source: pkg/apis/storage/validation. */
const MAX_PARAMETERS = 512;
export const MAX_PARAMETERS_BYTES = 256 * 1024;

export function* validateProvisioner(provisioner: string | undefined, at: FieldPath): Errors {
  if (!provisioner) yield required(at);
  else for (const why of qualifiedName(provisioner.toLowerCase())) yield invalid(at, provisioner.toLowerCase(), why);
}
export function* validateParameters(
  parameters: Readonly<Record<string, string>> | undefined,
  mayBeEmpty: boolean,
  at: FieldPath,
): Errors {
  const entries = Object.entries(parameters ?? {});
  if (entries.length > MAX_PARAMETERS) {
    yield tooLong(at, MAX_PARAMETERS);
    return;
  }
  for (const [key] of entries) if (key === '') yield invalid(at, key, 'field can not be empty.');
  if (mapBytes(parameters) > MAX_PARAMETERS_BYTES) yield tooLong(at, MAX_PARAMETERS_BYTES);
  if (!mayBeEmpty && entries.length === 0) yield required(at, 'must contain at least one key/value pair');
}
export const mapBytes = (map: Readonly<Record<string, string>> | undefined): number => {
  let bytes = 0;
  for (const [key, value] of Object.entries(map ?? {})) bytes += byteLength(key) + byteLength(value);
  return bytes;
};
/** Name of a CSI driver where it is referred to. Source: pkg/apis/core/validation ValidateCSIDriverName. */
const MAX_DRIVER_BYTES = 63;
export function* validateDriverName(
  name: string | undefined,
  rule: (name: string) => readonly string[],
  at: FieldPath,
): Errors {
  if (!name) {
    yield required(at);
    return;
  }
  if (byteLength(name) > MAX_DRIVER_BYTES) yield tooLong(at, MAX_DRIVER_BYTES);
  for (const why of rule(name.toLowerCase())) yield invalid(at, name, why);
}
