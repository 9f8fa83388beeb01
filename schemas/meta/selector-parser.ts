import { labelValue, qualifiedName } from './names.ts';
import type { Operator, Requirement } from './selectors.ts';

/** `message` is what the API server answers with 400. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError';
}
type Kind = 'identifier' | 'in' | 'notin' | '!' | '=' | '==' | '!=' | 'gt' | 'lt' | '(' | ')' | ',' | 'end' | 'error';
interface Token {
  readonly kind: Kind;
  readonly text: string;
}
const SPECIAL = new Set('=!(),><');
const SYMBOLS: Readonly<Record<string, Kind>> = {
  '!': '!', '=': '=', '==': '==', '!=': '!=', '>': 'gt', '<': 'lt', '(': '(', ')': ')', ',': ',',
}; // prettier-ignore
const KEYWORDS: ReadonlyMap<string, Kind> = new Map([
  ['in', 'in'],
  ['notin', 'notin'],
]);
const BINARY = 'in, notin, =, ==, !=, gt, lt';

function lex(text: string): Token[] {
  const out: Token[] = [];
  let i = 0;
  while (i < text.length) {
    const c = text[i]!;
    if (' \t\r\n'.includes(c)) i++;
    else if (SPECIAL.has(c)) {
      const two = SYMBOLS[text.slice(i, i + 2)] !== undefined ? text.slice(i, i + 2) : c;
      out.push({ kind: SYMBOLS[two]!, text: two });
      i += two.length;
    } else {
      const start = i;
      while (i < text.length && !SPECIAL.has(text[i]!) && !' \t\r\n'.includes(text[i]!)) i++;
      const word = text.slice(start, i);
      out.push({ kind: KEYWORDS.get(word) ?? 'identifier', text: word });
    }
  }
  out.push({ kind: 'end', text: '' });
  return out;
}

const isName = (t: Token): boolean => t.kind === 'identifier' || t.kind === 'in' || t.kind === 'notin';
const fail = (t: Token, expected: string): never => {
  throw new SelectorError(`found '${t.text}', expected: ${expected}`);
};

/** Source: apimachinery pkg/labels/selector.go Parser. */
export function parseLabelRequirements(text: string): Requirement[] {
  const tokens = lex(text);
  let at = 0;
  const peek = (): Token => tokens[at] ?? tokens.at(-1)!;
  const take = (): Token => tokens[at++] ?? tokens.at(-1)!;

  const list = (): string[] => {
    const values = new Set<string>();
    for (;;) {
      const t = take();
      if (isName(t)) {
        values.add(t.text);
        const next = peek();
        if (next.kind === ')') return [...values];
        if (next.kind !== ',') fail(next, "',' or ')'");
      } else if (t.kind === ',') {
        if (values.size === 0) values.add('');
        if (peek().kind === ')') return [...values.add('')];
        if (peek().kind === ',') values.add('');
      } else fail(t, "',', or identifier");
    }
  };
  const setValues = (): string[] => {
    const open = take();
    if (open.kind !== '(') throw new SelectorError(`found '${open.text}' expected: '('`);
    const first = peek();
    if (first.kind === ')') {
      take();
      return [''];
    }
    if (!isName(first) && first.kind !== ',') fail(first, "',', ')' or identifier");
    const values = list();
    if (take().kind !== ')') fail(first, "')'");
    return values;
  };
  const exactValue = (): string[] => {
    if (peek().kind === 'end' || peek().kind === ',') return [''];
    const t = take();
    return isName(t) ? [t.text] : fail(t, 'identifier');
  };
  const requirement = (): Requirement => {
    let t = take();
    const not = t.kind === '!';
    if (not) t = take();
    if (!isName(t)) fail(t, 'identifier');
    const key = t.text;
    const wrong = qualifiedName(key);
    if (wrong.length > 0) throw new SelectorError(`<nil>: Invalid value: ${JSON.stringify(key)}: ${wrong.join('; ')}`);
    if (not) return { key, operator: '!', values: [] };
    if (peek().kind === 'end' || peek().kind === ',') return { key, operator: 'exists', values: [] };
    const op = take();
    switch (op.kind) {
      case 'in':
      case 'notin':
        return checked(key, op.kind, setValues());
      case '=':
      case '==':
      case '!=':
      case 'gt':
      case 'lt':
        return checked(key, op.kind, exactValue());
      default:
        return fail(op, BINARY);
    }
  };

  const out: Requirement[] = [];
  for (;;) {
    const t = peek();
    if (t.kind === 'end') return out;
    if (!isName(t) && t.kind !== '!') fail(t, "!, identifier, or 'end of string'");
    try {
      out.push(requirement());
    } catch (error) {
      throw new SelectorError(`unable to parse requirement: ${(error as Error).message}`, { cause: error });
    }
    const next = take();
    if (next.kind === 'end') return out;
    if (next.kind !== ',') fail(next, "',' or 'end of string'");
    if (!isName(peek()) && peek().kind !== '!') fail(peek(), "identifier after ','");
  }
}
function checked(key: string, operator: Operator, found: readonly string[]): Requirement {
  const values = [...new Set(found)].sort();
  const problems: string[] = [];
  if (operator === 'gt' || operator === 'lt')
    for (const [i, v] of values.entries())
      if (!/^[+-]?\d+$/.test(v))
        problems.push(
          `values[${i}]: Invalid value: ${JSON.stringify(v)}: for 'Gt', 'Lt' operators, the value must be an integer`,
        );
  for (const [i, v] of values.entries()) {
    const wrong = labelValue(v);
    if (wrong.length > 0)
      problems.push(`values[${i}][${key}]: Invalid value: ${JSON.stringify(v)}: ${wrong.join('; ')}`);
  }
  if (problems.length === 1) throw new SelectorError(problems[0]);
  if (problems.length > 1) throw new SelectorError(`[${problems.join(', ')}]`);
  return { key, operator, values };
}
