import { goDouble } from '../helpers/go-double.ts';
import { durationText as goDurationText } from '../meta/duration.ts';
import { goQuote } from '../meta/go-quote.ts';
import {
  CelDuration, CelError, CelList, CelMap, CelOpaque, CelOptional, CelTimestamp, CelTypeValue, CelUint, type CelValue,
} from './values.ts'; // prettier-ignore
import { durationText, timestampText } from './values-time.ts';

/** How many code points a string has. */
export function runeCount(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length; i++)
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      count--;
      i++;
    }
  return count;
}
const ONLY_UNITS = /^[^\ud800-\udfff]*$/;
/** Whether each code point is one unit, so that indexes need no counting. */
export const isPlain = (text: string): boolean => ONLY_UNITS.test(text);

/** A double with all its digits and no exponent: Go's FormatFloat(x, 'f', -1). */
export function plainDouble(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  const parts = /^(-?)(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (parts === null) return text;
  const [, sign, lead, rest = '', power] = parts;
  const exponent = Number(power);
  return exponent < 0
    ? `${sign}0.${'0'.repeat(-exponent - 1)}${lead}${rest}`
    : `${sign}${(lead! + rest).padEnd(exponent + 1, '0')}`;
}
const octal = (bytes: Uint8Array): string => {
  let out = '';
  for (const byte of bytes) out += `\\${byte.toString(8).padStart(3, '0')}`;
  return out;
};

/** A value as a CEL literal. Source: cel-go common/types format.go Format. */
export function formatValue(value: CelValue): string {
  if (typeof value === 'string') return goQuote(value);
  if (typeof value === 'bigint' || typeof value === 'boolean') return String(value);
  if (value === null) return 'null';
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return 'double("NaN")';
    if (!Number.isFinite(value)) return `double("${value > 0 ? '' : '-'}Infinity")`;
    const text = plainDouble(value);
    return text.includes('.') ? text : `${text}.0`;
  }
  if (value instanceof CelUint) return `${value.value}u`;
  if (value instanceof Uint8Array) return `b"${octal(value)}"`;
  if (value instanceof CelTimestamp) return `timestamp("${timestampText(new CelTimestamp(value.nanos))}")`;
  if (value instanceof CelDuration) return `duration("${durationText(value)}")`;
  if (value instanceof CelTypeValue) return value.name;
  if (value instanceof CelOptional)
    return value.value === undefined ? 'optional.none()' : `optional.of(${formatValue(value.value)})`;
  if (value instanceof CelList) return `[${Array.from(value, formatValue).join(', ')}]`;
  if (value instanceof CelMap) {
    const entries = [...value.keys()].map((key) => [formatValue(key), formatValue(value.find(key) ?? null)] as const);
    return `{${entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([k, v]) => `${k}: ${v}`).join(', ')}}`; // prettier-ignore
  }
  if (value instanceof CelOpaque) return value.typeName;
  return value.message;
}

/** A value as Go's %v prints it in messages. */
export function showValue(value: CelValue): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return goDouble(value);
  if (value === null) return 'NULL_VALUE';
  if (value instanceof CelUint) return String(value.value);
  if (value instanceof Uint8Array) return `[${[...value].join(' ')}]`;
  if (value instanceof CelError) return value.message;
  if (value instanceof CelTimestamp) return timestampText(value);
  if (value instanceof CelDuration) return `{${goDurationText(value.nanos)}}`;
  if (value instanceof CelTypeValue) return value.name;
  if (value instanceof CelOptional) return value.value === undefined ? 'optional.none()' : `optional(${showValue(value.value)})`; // prettier-ignore
  if (value instanceof CelList) return `[${[...value].map(showValue).join(', ')}]`;
  if (value instanceof CelMap)
    return `{${[...value.keys()].map((key) => `${showValue(key)}: ${showValue(value.find(key) ?? null)}`).join(', ')}}`;
  if (value instanceof CelOpaque) return value.typeName;
  return String(value);
}
