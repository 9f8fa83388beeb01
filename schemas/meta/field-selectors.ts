import { SelectorError } from './selectors.ts';

/** One term: the field's text equals `value`, or with `negated` does not. */
export interface FieldTerm {
  readonly field: string;
  readonly value: string;
  readonly negated: boolean;
}
/** Terms are joined by and. */
export interface FieldSelector {
  readonly terms: readonly FieldTerm[];
  readonly empty: boolean;
  /** `get` gives a field's text, `''` when unset. */
  matches(get: (field: string) => string): boolean;
  /** The value that the field must have, if the selector says so: a list by name is a get. */
  requires(field: string): string | undefined;
  toString(): string;
}

/** Throws SelectorError: `invalid selector: 'x'; can't understand 'x'`. Source: apimachinery pkg/fields/selector.go. */
export function parseFieldSelector(text: string): FieldSelector {
  const terms: FieldTerm[] = [];
  for (const part of splitTerms(text).sort()) {
    if (part === '') continue;
    const match = /^(.*?)(!=|==|=)(.*)$/s.exec(part);
    if (match === null) throw new SelectorError(`invalid selector: '${text}'; can't understand '${part}'`);
    // Of nothing but an operator there is nothing to check.
    if (match[1] === '' && match[3] === '') continue;
    terms.push({ field: match[1]!, value: unescape(match[3]!), negated: match[2] === '!=' });
  }
  return fieldSelectorOf(terms);
}
export const fieldSelectorOf = (terms: readonly FieldTerm[]): FieldSelector => ({
  terms,
  empty: terms.length === 0,
  matches: (get) => terms.every((t) => (get(t.field) === t.value) !== t.negated),
  requires: (field) => terms.find((t) => t.field === field && !t.negated)?.value,
  toString: () => terms.map((t) => `${t.field}${t.negated ? '!=' : '='}${escape(t.value)}`).join(','),
});
/**
 * Refuses fields that the resource cannot be selected by, in the words of kinds that know more fields than all do, or
 * of one kind alone. Throws SelectorError.
 */
export function checkFields(
  selector: FieldSelector,
  allowed: (field: string) => boolean,
  style: 'generic' | 'own' | ((field: string) => string) = 'generic',
): void {
  for (const { field } of selector.terms) {
    if (allowed(field)) continue;
    throw new SelectorError(
      typeof style === 'function'
        ? style(field)
        : style === 'own'
          ? `field label not supported: ${field}`
          : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
    );
  }
}
/** At commas that no backslash stands before. */
function splitTerms(text: string): string[] {
  const out: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === ',') {
      out.push(text.slice(start, i));
      start = i + 1;
    }
  }
  out.push(text.slice(start));
  return out;
}
function unescape(text: string): string {
  if (!/[\\,=]/.test(text)) return text;
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (c === '\\') {
      const next = text[++i];
      if (next === undefined || !'\\,='.includes(next))
        throw new SelectorError(`invalid field selector: invalid escape sequence: \\${next ?? ''}`);
      out += next;
    } else if (c === ',' || c === '=') {
      throw new SelectorError(`invalid field selector: unescaped character in value: ${c.codePointAt(0)}`);
    } else out += c;
  }
  return out;
}
const escape = (text: string): string => text.replace(/[\\,=]/g, String.raw`\$&`);
