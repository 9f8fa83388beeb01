import { parseCidr, parseIp } from '../meta/ip.ts';
import { dnsLabel, dnsSubdomain } from '../meta/names.ts';

/** What the formats of strings in schemas of custom kinds accept. Source: kube-openapi pkg/validation/strfmt. */
type Check = (text: string) => boolean;
const matches =
  (pattern: RegExp): Check =>
  (text) =>
    pattern.test(text);

const DATE = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const TIME = /^([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:.\d+)?(?:z|[+-]\d{2}:\d{2})$/;
const DURATION =
  /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h)(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*$/;
const LONG_DURATION =
  /^(?:\d+\s*(?:ns?|nanos?|nanoseconds?|µs|μs|us|micros?|microseconds?|ms|millis?|milliseconds?|s|sec|secs|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|w|wks?|weeks?)\s*)+$/;
const HOSTNAME =
  /^(?:[a-zA-Z0-9\p{S}\p{L}](?:-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?|(?:[a-zA-Z0-9\p{S}\p{L}](?:[a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?\.)+[a-zA-Z\p{L}]{2,63})$/u;
const RGB = /^rgb\(\s*(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])\s*(?:,\s*(?:0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5])\s*){2}\)$/;
const MAX_HOSTNAME = 255;
const MAX_LABEL = 63;

const hostname: Check = (text) =>
  HOSTNAME.test(text) && text.length <= MAX_HOSTNAME && text.split('.').every((label) => label.length <= MAX_LABEL);
function date(text: string): boolean {
  if (!DATE.test(text)) return false;
  const [year, month, day] = text.split('-').map(Number) as [number, number, number];
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
}
function dateTime(text: string): boolean {
  const [day = '', time = '', ...rest] = text.toLowerCase().split('t');
  return rest.length === 0 && text.length >= 4 && date(day) && TIME.test(time);
}
const isIPv4: Check = (text) => parseIp(text)?.family === 4;
const isIPv6: Check = (text) => parseIp(text)?.family === 6;
function uri(text: string): boolean {
  return text.startsWith('/') || URL.canParse(text);
}
const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
function isbn10(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  return sum([...digits].map((c, i) => (10 - i) * (c === 'X' ? 10 : Number(c)))) % 11 === 0;
}
function isbn13(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  return /^\d{13}$/.test(digits) && sum([...digits].map((c, i) => Number(c) * (i % 2 === 0 ? 1 : 3))) % 10 === 0;
}
function creditCard(text: string): boolean {
  const digits = text.replace(/\D+/g, '');
  if (
    !/^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/.test(
      digits,
    )
  )
    return false;
  const doubled = [...digits].reverse().map((c, i) => (i % 2 === 0 ? Number(c) : Number(c) * 2));
  return sum(doubled.map((n) => (n > 9 ? n - 9 : n))) % 10 === 0;
}
const HEX = '[0-9a-f]';
const uuid = (version: string, variant: string): Check =>
  matches(new RegExp(`^${HEX}{8}-?${HEX}{4}-?${version}-?${variant}-?${HEX}{12}$`, 'i'));
const ANY = `${HEX}{4}`;

const CHECKS: Readonly<Record<string, Check>> = {
  bsonobjectid: matches(/^[0-9a-fA-F]{24}$/),
  uri,
  email: matches(/^[^\s@<>]+@[^\s@<>]+$|^[^<>]*<[^\s@<>]+@[^\s@<>]+>$/),
  hostname,
  ipv4: isIPv4,
  ipv6: isIPv6,
  cidr: (text) => parseCidr(text) !== undefined,
  mac: matches(/^(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$|^(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}$/i),
  uuid: uuid(ANY, ANY),
  uuid3: uuid(`3${HEX}{3}`, ANY),
  uuid4: uuid(`4${HEX}{3}`, `[89ab]${HEX}{3}`),
  uuid5: uuid(`5${HEX}{3}`, `[89ab]${HEX}{3}`),
  isbn: (text) => isbn10(text) || isbn13(text),
  isbn10,
  isbn13,
  creditcard: creditCard,
  ssn: matches(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/),
  hexcolor: matches(/^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  rgbcolor: matches(RGB),
  byte: matches(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/),
  password: () => true,
  date,
  duration: (text) => text === '0' || DURATION.test(text) || LONG_DURATION.test(text.toLowerCase()),
  datetime: dateTime,
  k8sshortname: (text) => dnsLabel(text).length === 0,
  k8slongname: (text) => dnsSubdomain(text).length === 0,
};
const NUMERIC: Readonly<Record<string, readonly string[]>> = {
  integer: ['int32', 'int64'],
  number: ['float', 'double'],
};

/** The check of a string's format; undefined for formats that are ignored. */
export const formatCheck = (format: string): Check | undefined => {
  const name = format.replaceAll('-', '');
  return Object.hasOwn(CHECKS, name) ? CHECKS[name] : undefined;
};
/** Whether a format means something for a type (empty for any); others are ignored, with a warning on create. */
export const isKnownFormat = (format: string, type: string): boolean =>
  type === '' || type === 'string' ? formatCheck(format) !== undefined : (NUMERIC[type]?.includes(format) ?? false);
