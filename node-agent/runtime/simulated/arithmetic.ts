import { NotUnderstood } from './shell-syntax.ts';

const LEVELS: readonly Readonly<Record<string, (a: number, b: number) => number>>[] = [
  { '||': (a, b) => Number(a !== 0 || b !== 0) },
  { '&&': (a, b) => Number(a !== 0 && b !== 0) },
  { '==': (a, b) => Number(a === b), '!=': (a, b) => Number(a !== b), '=': (a, b) => Number(a === b) },
  { '<': (a, b) => Number(a < b), '<=': (a, b) => Number(a <= b), '>': (a, b) => Number(a > b), '>=': (a, b) => Number(a >= b) }, // prettier-ignore
  { '+': (a, b) => a + b, '-': (a, b) => a - b },
  { '*': (a, b) => a * b, '/': (a, b) => divided(a, b), '%': (a, b) => a - b * divided(a, b) },
];
function divided(a: number, b: number): number {
  if (b === 0) throw new NotUnderstood('divided by zero');
  return Math.trunc(a / b);
}

/** The whole number that a sum of the shell comes to; names are variables. Throws NotUnderstood. */
export function arithmetic(text: string, variable: (name: string) => string): number {
  const tokens = text.match(/\d+|[A-Za-z_]\w*|\|\||&&|[=!<>]=|\S/g) ?? [];
  let at = 0;
  function level(depth: number): number {
    const operators = LEVELS[depth];
    if (!operators) return single();
    let left = level(depth + 1);
    for (let operator = operators[tokens[at] ?? '']; operator; operator = operators[tokens[at] ?? '']) {
      at++;
      left = operator(left, level(depth + 1));
    }
    return left;
  }
  function single(): number {
    const token = tokens[at++] ?? '';
    if (token === '-') return -single();
    if (token === '+') return single();
    if (token === '!') return Number(single() === 0);
    if (token === '(') {
      const inner = level(0);
      if (tokens[at++] !== ')') throw new NotUnderstood('no )');
      return inner;
    }
    const digits = /^[A-Za-z_]/.test(token) ? variable(token) || '0' : token;
    if (!/^-?\d+$/.test(digits)) throw new NotUnderstood(token);
    return Number(digits);
  }
  if (tokens.length === 0) return 0;
  const result = level(0);
  if (at < tokens.length) throw new NotUnderstood(tokens[at]);
  return result;
}
