/**
 * Rules for names, each returning what is wrong (empty when nothing is): the text after `Invalid value: "x": `.
 * Source: apimachinery pkg/util/validation, pkg/api/validate/content.
 */
export type Problems = readonly string[];
const NONE: Problems = [];

/** Length as Go counts it. */
export const byteLength = (text: string): number => {
  let n = text.length;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c > 0x7f) n += c > 0x7ff && (c < 0xd800 || c > 0xdfff) ? 2 : 1;
  }
  return n;
};
/** Of names. Label keys and values say `bytes`. */
export const maxLength = (max: number): string => `must be no more than ${max} characters`;
const maxBytes = (max: number): string => `must be no more than ${max} bytes`;
export const inclusiveRange = (low: number, high: number): string => `must be between ${low} and ${high}, inclusive`;
/** `message (e.g. 'a',  or 'b', regex used for validation is '...')`: with Go's doubled blanks. */
export const regexProblem = (message: string, pattern: string, ...examples: readonly string[]): string =>
  examples.length === 0
    ? `${message} (regex used for validation is '${pattern}')`
    : `${message} (e.g. ${examples.map((e) => `'${e}', `).join(' or ')}regex used for validation is '${pattern}')`;

/** A rule of a pattern and a length. */
function rule(
  pattern: string,
  message: string,
  max: number,
  ...examples: readonly string[]
): (value: string) => Problems {
  const regexp = new RegExp(`^(?:${pattern})$`);
  return (value) => {
    const short = value.length <= max && (value.length * 3 <= max || byteLength(value) <= max);
    if (short && regexp.test(value)) return NONE;
    return [
      ...(short ? [] : [(message.startsWith('a valid label') ? maxBytes : maxLength)(max)]),
      ...(regexp.test(value) ? [] : [regexProblem(message, pattern, ...examples)]),
    ];
  };
}
const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = String.raw`${LABEL}(\.${LABEL})*`;
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const QUALIFIED_PROBLEM =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const ALPHANUMERIC = 'and must start and end with an alphanumeric character';

export const dnsSubdomain = rule(SUBDOMAIN, `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', ${ALPHANUMERIC}`, 253, 'example.com'); // prettier-ignore
const UNDERSCORE_LABEL = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
export const dnsSubdomainWithUnderscore = rule(String.raw`${UNDERSCORE_LABEL}(\.${UNDERSCORE_LABEL})*`, `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', ${ALPHANUMERIC}`, 253, 'example.com'); // prettier-ignore
export const wildcardDnsSubdomain = rule(String.raw`\*\.${SUBDOMAIN}`, "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character", 253, '*.example.com'); // prettier-ignore
const label = rule(LABEL, `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', ${ALPHANUMERIC}`, 63, 'my-name', '123-abc'); // prettier-ignore
const subdomainShape = new RegExp(`^${SUBDOMAIN}$`);
export function dnsLabel(value: string): Problems {
  const problems = label(value);
  // A subdomain that is no label can only have dots too many.
  if (problems.length === 0 || !subdomainShape.test(value)) return problems;
  return [
    ...(byteLength(value) > 63 ? [maxLength(63)] : []),
    ...(value.includes('.') ? ['must not contain dots'] : []),
  ];
}
export const dns1035Label = rule('[a-z]([-a-z0-9]*[a-z0-9])?', "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character", 63, 'my-name', 'abc-123'); // prettier-ignore
export const labelValue = rule(`(${QUALIFIED})?`, `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', ${ALPHANUMERIC}`, 63, 'MyValue', 'my_value', '12345'); // prettier-ignore
export const cIdentifier = rule('[A-Za-z_][A-Za-z0-9_]*', "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'", 1 << 20, 'my_name', 'MY_NAME', 'MyName'); // prettier-ignore
export const httpHeaderName = rule('[-A-Za-z0-9]+', "a valid HTTP header must consist of alphanumeric characters or '-'", 1 << 20, 'X-Header-Name'); // prettier-ignore
export const percent = rule('[0-9]+%', "a valid percent string must be a numeric string followed by an ending '%'", 1 << 20, '1%', '93%'); // prettier-ignore
const configKey = rule('[-._a-zA-Z0-9]+', "a valid config key must consist of alphanumeric characters, '-', '_' or '.'", 253, 'key.name', 'KEY_NAME', 'key-name'); // prettier-ignore
export const configMapKey = (value: string): Problems => [...configKey(value), ...upDirectory(value)];
/** Source: hasChDirPrefix. */
function upDirectory(value: string): Problems {
  if (value === '.') return ["must not be '.'"];
  if (value === '..') return ["must not be '..'"];
  return value.startsWith('..') ? ["must not start with '..'"] : NONE;
}
/** Any printable ASCII but `=`. Source: IsRelaxedEnvVarName. */
export const envVarName = (value: string): Problems =>
  value === ''
    ? ['environment variable name must be non-empty']
    : /^[ -<>-~]*$/.test(value)
      ? NONE
      : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];

const qualifiedShape = new RegExp(`^${QUALIFIED}$`);
const plainKeys = new Set<string>();
/** Label keys, annotation keys, finalizers, resource names: `example.com/name`. */
export function qualifiedName(value: string): Problems {
  // The same few keys come again and again.
  if (plainKeys.has(value)) return NONE;
  const problems = qualifiedProblems(value);
  if (problems.length === 0 && plainKeys.size < 4096) plainKeys.add(value);
  return problems;
}
function qualifiedProblems(value: string): Problems {
  const parts = value.split('/');
  const shape = regexProblem(QUALIFIED_PROBLEM, QUALIFIED, 'MyName', 'my.name', '123-abc');
  if (parts.length > 2)
    return [`a valid label key ${shape} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const out: string[] = [];
  const name = parts.at(-1)!;
  if (parts.length === 2) {
    if (parts[0] === '') out.push('prefix part must be non-empty');
    else out.push(...dnsSubdomain(parts[0]!).map((p) => `prefix part ${p === maxLength(253) ? maxBytes(253) : p}`));
  }
  if (name === '') out.push('name part must be non-empty');
  else if (byteLength(name) > 63) out.push(`name part ${maxBytes(63)}`);
  if (!qualifiedShape.test(name)) out.push(`name part ${shape}`);
  return out;
}
export function portName(value: string): Problems {
  const out: string[] = [];
  if (byteLength(value) > 15) out.push(maxLength(15));
  if (!/^[-a-z0-9]+$/.test(value)) out.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) out.push('must contain at least one letter (a-z)');
  if (value.includes('--')) out.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) out.push('must not begin or end with a hyphen');
  return out;
}
export const portNumber = (port: number): Problems => (port >= 1 && port <= 65535 ? NONE : [inclusiveRange(1, 65535)]);
const MAX_ID = 2 ** 31 - 1;
/** User and group ids. */
export const unixId = (id: number): Problems => (id >= 0 && id <= MAX_ID ? NONE : [inclusiveRange(0, MAX_ID)]);

/** What every name must be, since it becomes part of a URL. Also the whole rule for roles, bindings and PDBs. */
export function pathSegment(name: string, prefix = false): Problems {
  if (!prefix && (name === '.' || name === '..')) return [`may not be '${name}'`];
  return ['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`);
}
/** Random characters at the end of a generated name. Source: apiserver pkg/storage/names randomLength. */
export const NAME_END_LENGTH = 5;
/** Source: apiserver pkg/storage/names MaxGeneratedNameLength. */
const MAX_GENERATE_NAME = 63 - NAME_END_LENGTH;
/** The name that follows from a generateName. */
export const generatedName = (generateName: string, end: string): string =>
  `${generateName.slice(0, MAX_GENERATE_NAME)}${end}`;

/** A prefix for generateName may end in a dash. */
const masked = (name: string, prefix: boolean): string =>
  prefix && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
/** `validateName` of kinds. */
export const nameIsSubdomain = (name: string, prefix: boolean): Problems => dnsSubdomain(masked(name, prefix));
export const nameIsLabel = (name: string, prefix: boolean): Problems => dnsLabel(masked(name, prefix));
