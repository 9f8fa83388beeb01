import { parseDuration } from '../../meta/duration.ts';
import { doubleToInt, doubleToUint, intOf, parseDouble, parseInteger, parseUnsigned } from '../values-number.ts';
import { durationText, parseTimestamp, secondsOf, timestampOf, timestampText } from '../values-time.ts';
import { goDouble } from '../../helpers/go-double.ts';
import { CelDuration, CelError, CelTypeValue, CelUint, typeNameOf, type CelValue } from '../values.ts';
import {
  isBool, isBytes, isDouble, isDuration, isInt, isString, isTimestamp, isUint, overload, type CelLibrary,
} from './kinds.ts'; // prettier-ignore

const same = (value: CelValue): CelValue => value;
const failed = (from: string, to: string): CelError => new CelError(`type conversion error from '${from}' to '${to}'`);
const fromText =
  (to: string, parse: (text: string) => CelValue | undefined) =>
  (text: string): CelValue => parse(text) ?? failed('string', to); // prettier-ignore
const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
function bytesToText(bytes: Uint8Array): CelValue {
  try {
    return decoder.decode(bytes);
  } catch {
    return new CelError('invalid UTF-8 in bytes, cannot convert to string');
  }
}
const toDuration = fromText('google.protobuf.Duration', (text) => {
  const nanos = parseDuration(text);
  return typeof nanos === 'bigint' ? new CelDuration(nanos) : undefined;
});
const toTimestamp = fromText('google.protobuf.Timestamp', (text) => {
  const time = parseTimestamp(text);
  return time && timestampOf(time.nanos, time.offsetSeconds);
});

/** Source: cel-go common/stdlib/standard.go, common/types ConvertToType. */
export const conversions: CelLibrary = {
  type: { call: (value) => new CelTypeValue(typeNameOf(value)) },
  dyn: { call: (value) => value! },
  bool: [
    overload('bool_to_bool', [isBool], same),
    overload('string_to_bool', [isString], fromText('bool', (text) => (TRUE.has(text) ? true : FALSE.has(text) ? false : undefined))), // prettier-ignore
  ],
  bytes: [
    overload('bytes_to_bytes', [isBytes], same),
    overload('string_to_bytes', [isString], (text: string) => encoder.encode(text)),
  ],
  double: [
    overload('double_to_double', [isDouble], same),
    overload('int64_to_double', [isInt], (value: bigint) => Number(value)),
    overload('string_to_double', [isString], fromText('double', parseDouble)),
    overload('uint64_to_double', [isUint], (value: CelUint) => Number(value.value)),
  ],
  duration: [
    overload('duration_to_duration', [isDuration], same),
    overload('int64_to_duration', [isInt], () => failed('int', 'google.protobuf.Duration')),
    overload('string_to_duration', [isString], toDuration),
  ],
  int: [
    overload('int64_to_int64', [isInt], same),
    overload('double_to_int64', [isDouble], doubleToInt),
    overload('duration_to_int64', [isDuration], (value: CelDuration) => value.nanos),
    overload('string_to_int64', [isString], fromText('int', parseInteger)),
    overload('timestamp_to_int64', [isTimestamp], secondsOf),
    overload('uint64_to_int64', [isUint], (value: CelUint) => intOf(value.value)),
  ],
  string: [
    overload('string_to_string', [isString], same),
    overload('bool_to_string', [isBool], String),
    overload('bytes_to_string', [isBytes], bytesToText),
    overload('double_to_string', [isDouble], goDouble),
    overload('duration_to_string', [isDuration], durationText),
    overload('int64_to_string', [isInt], String),
    overload('timestamp_to_string', [isTimestamp], timestampText),
    overload('uint64_to_string', [isUint], (value: CelUint) => String(value.value)),
  ],
  timestamp: [
    overload('timestamp_to_timestamp', [isTimestamp], same),
    overload('int64_to_timestamp', [isInt], (seconds: bigint) => timestampOf(seconds * 1_000_000_000n)),
    overload('string_to_timestamp', [isString], toTimestamp),
  ],
  uint: [
    overload('uint64_to_uint64', [isUint], same),
    overload('double_to_uint64', [isDouble], doubleToUint),
    overload('int64_to_uint64', [isInt], (value: bigint) => value < 0n ? new CelError('unsigned integer overflow') : new CelUint(value)), // prettier-ignore
    overload('string_to_uint64', [isString], fromText('uint', parseUnsigned)),
  ],
};
