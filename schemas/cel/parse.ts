import type { CelExpr, CelMapExpr, CelStructExpr } from './ast.ts';
import { EOF, type Token } from './lexer.ts';
import { intOf, uintOf, unescapeBytes, unescapeString } from './literals.ts';
import { expandMacro } from './macros.ts';
import type { Issue } from './messages.ts';
import { isReserved } from './names.ts';
import { NotGrammatical, TokenReader } from './token-reader.ts';

const RELATIONS: Readonly<Record<string, string>> = {
  '<': '_<_',
  '<=': '_<=_',
  '>=': '_>=_',
  '>': '_>_',
  '==': '_==_',
  '!=': '_!=_',
  in: '@in',
};
const PRODUCTS: Readonly<Record<string, string>> = { '*': '_*_', '/': '_/_', '%': '_%_' };
const SUMS: Readonly<Record<string, string>> = { '+': '_+_', '-': '_-_' };

/**
 * Reads an expression: of what is grammatical it says what else is wrong (reserved words, numbers too large, macros that do not fit).
 * Source: cel-go parser/gen/CEL.g4, parser/parser.go. Throws NotGrammatical, TooLarge.
 */
export function parse(
  source: readonly Token[],
  binds = false,
): { readonly expr: CelExpr; readonly issues: readonly Issue[] } {
  const parser = new Parser(source, binds);
  const expr = parser.expr();
  if (parser.peek().kind !== EOF) throw new NotGrammatical();
  return { expr, issues: parser.issues };
}

class Parser extends TokenReader {
  readonly issues: Issue[] = [];
  readonly #binds: boolean;

  constructor(tokens: readonly Token[], binds: boolean) {
    super(tokens);
    this.#binds = binds;
  }
  #problem(at: number, message: string): CelExpr {
    this.issues.push({ at, message });
    return { kind: 'literal', id: this.id(), offset: at, literal: 'null', value: null };
  }
  #call(at: number, name: string, args: CelExpr[], target?: CelExpr): CelExpr {
    const made = expandMacro(this, at, name, target, args, this.#binds);
    if (made === undefined) return { kind: 'call', id: this.id(), offset: at, name, target, args };
    return 'problem' in made ? this.#problem(made.at, made.problem) : made;
  }

  expr(): CelExpr {
    this.enter();
    const test = this.#or();
    let out = test;
    const op = this.accept('?');
    if (op) {
      let depth = this.depth;
      const yes = this.#or();
      depth = Math.max(depth, this.depth);
      this.expect(':');
      const no = this.expr();
      this.deeper(Math.max(depth, this.depth) + 1);
      out = this.#call(op.at, '_?_:_', [test, yes, no]);
    }
    this.leave();
    return out;
  }
  #or(): CelExpr {
    return this.#logical('||', '_||_', () => this.#logical('&&', '_&&_', () => this.#relation()));
  }
  #logical(token: string, name: string, term: () => CelExpr): CelExpr {
    const terms = [term()];
    const ops: number[] = [];
    let depth = this.depth;
    while (this.peek().kind === token) {
      ops.push(this.take().at);
      terms.push(term());
      depth = Math.max(depth, this.depth);
    }
    this.depth = depth;
    return ops.length === 0 ? terms[0]! : this.#balanced(name, terms, ops, 0, ops.length - 1);
  }
  /** Long chains become balanced trees. */
  #balanced(name: string, terms: CelExpr[], ops: number[], low: number, high: number): CelExpr {
    const middle = (low + high + 1) >> 1;
    const left = middle === low ? terms[middle]! : this.#balanced(name, terms, ops, low, middle - 1);
    const right = middle === high ? terms[middle + 1]! : this.#balanced(name, terms, ops, middle + 1, high);
    return { kind: 'call', id: this.id(), offset: ops[middle]!, name, target: undefined, args: [left, right] };
  }
  #chain(ops: Readonly<Record<string, string>>, term: () => CelExpr): CelExpr {
    let out = term();
    while (Object.hasOwn(ops, this.peek().kind)) {
      const op = this.take();
      const left = this.depth;
      const right = term();
      this.deeper(Math.max(left, this.depth) + 1);
      out = this.#call(op.at, ops[op.kind]!, [out, right]);
    }
    return out;
  }
  #relation(): CelExpr {
    return this.#chain(RELATIONS, () => this.#chain(SUMS, () => this.#chain(PRODUCTS, () => this.#unary())));
  }
  #unary(): CelExpr {
    const sign = this.peek().kind;
    if (sign !== '!' && sign !== '-') return this.#member();
    const first = this.peek();
    let count = 0;
    // One minus before a number belongs to the number, of several all are operators.
    while (this.peek().kind === sign && !(sign === '-' && count === 0 && isNumber(this.peek(1)))) {
      this.take();
      count += 1;
    }
    if (count === 0) return this.#member();
    const operand = this.#member();
    return count % 2 === 0 ? operand : this.#call(first.at, sign === '!' ? '!_' : '-_', [operand]);
  }
  #member(): CelExpr {
    let out = this.#primary();
    while (true) {
      const op = this.accept('.') ?? this.accept('[');
      if (!op) return out;
      const depth = this.depth;
      out = op.kind === '.' ? this.#dotted(op, out) : this.#indexed(op, out);
      this.deeper(Math.max(depth, this.depth) + 1);
    }
  }
  #dotted(op: Token, operand: CelExpr): CelExpr {
    const isOptional = this.accept('?') !== undefined;
    const name = this.accept('IDENTIFIER') ?? this.expect('ESC_IDENTIFIER');
    const open = !isOptional && name.kind === 'IDENTIFIER' ? this.accept('(') : undefined;
    if (open) return this.#call(open.at, name.text, this.#args(), operand);
    this.depth = 0;
    const field = this.#field(name);
    if (!isOptional) return { kind: 'select', id: this.id(), offset: op.at, operand, field, test: false };
    const literal = { kind: 'literal', id: this.id(), offset: name.at, literal: 'string', value: field } as const;
    return { kind: 'call', id: this.id(), offset: op.at, name: '_?._', target: undefined, args: [operand, literal] };
  }
  #field(name: Token): string {
    if (name.kind === 'ESC_IDENTIFIER') this.#problem(name.at, "unsupported syntax: '`'");
    return name.kind === 'ESC_IDENTIFIER' ? name.text.slice(1, -1) : name.text;
  }
  #indexed(op: Token, target: CelExpr): CelExpr {
    const isOptional = this.accept('?') !== undefined;
    const index = this.expr();
    this.expect(']');
    return this.#call(op.at, isOptional ? '_[?_]' : '_[_]', [target, index]);
  }
  #args(): CelExpr[] {
    const out: CelExpr[] = [];
    let depth = 0;
    if (this.peek().kind !== ')') {
      do {
        out.push(this.expr());
        depth = Math.max(depth, this.depth);
      } while (this.accept(','));
    }
    this.expect(')');
    this.depth = depth;
    return out;
  }
  #primary(): CelExpr {
    this.depth = 0;
    const token = this.peek();
    switch (token.kind) {
      case '(': {
        this.take();
        const inner = this.expr();
        this.expect(')');
        return inner;
      }
      case '[':
        return this.#list();
      case '{':
        return this.#map();
      case '.':
      case 'IDENTIFIER':
        return this.#named();
      default:
        return this.#literal();
    }
  }
  #named(): CelExpr {
    const dot = this.accept('.');
    const first = this.expect('IDENTIFIER');
    const made = this.#structName(first);
    if (made !== undefined) return this.#struct(`${dot ? '.' : ''}${made}`);
    const name = `${dot ? '.' : ''}${first.text}`;
    if (this.peek().kind !== '(') {
      if (isReserved(first.text)) return this.#problem((dot ?? first).at, `reserved identifier: ${first.text}`);
      return { kind: 'ident', id: this.id(), offset: first.at, name };
    }
    const open = this.take();
    const args = this.#args();
    if (isReserved(first.text)) return this.#problem((dot ?? first).at, `reserved identifier: ${first.text}`);
    return this.#call(open.at, name, args);
  }
  /** `a.b.c` before a brace. */
  #structName(first: Token): string | undefined {
    let ahead = 0;
    let name = first.text;
    while (this.peek(ahead).kind === '.' && this.peek(ahead + 1).kind === 'IDENTIFIER') {
      name += `.${this.peek(ahead + 1).text}`;
      ahead += 2;
    }
    if (this.peek(ahead).kind !== '{') return undefined;
    this.skip(ahead);
    return name;
  }
  #list(): CelExpr {
    const open = this.take();
    const elements: CelExpr[] = [];
    const optionals: number[] = [];
    this.#entries(']', (isOptional) => {
      if (isOptional) optionals.push(elements.length);
      elements.push(this.expr());
    });
    return { kind: 'list', id: this.id(), offset: open.at, elements, optionals };
  }
  #map(): CelExpr {
    const open = this.take();
    const entries: CelMapExpr['entries'][number][] = [];
    this.#entries('}', (optional) => {
      const key = this.expr();
      const depth = this.depth;
      const colon = this.expect(':');
      const value = this.expr();
      this.depth = Math.max(depth, this.depth);
      entries.push({ id: this.id(), offset: colon.at, key, value, optional });
    });
    return { kind: 'map', id: this.id(), offset: open.at, entries };
  }
  #struct(name: string): CelExpr {
    const open = this.take();
    const entries: CelStructExpr['entries'][number][] = [];
    this.#entries('}', (optional) => {
      const field = this.#field(this.accept('IDENTIFIER') ?? this.expect('ESC_IDENTIFIER'));
      const colon = this.expect(':');
      const value = this.expr();
      entries.push({ id: this.id(), offset: colon.at, field, value, optional });
    });
    return { kind: 'struct', id: this.id(), offset: open.at, name, entries };
  }
  /** `?a, b,` up to what closes; a comma may stand alone. */
  #entries(close: string, one: (isOptional: boolean) => void): void {
    let depth = 0;
    while (this.peek().kind !== close && this.peek().kind !== ',') {
      one(this.accept('?') !== undefined);
      depth = Math.max(depth, this.depth);
      if (this.peek().kind !== ',' || this.peek(1).kind === close) break;
      this.take();
      if (this.peek().kind === ',') throw new NotGrammatical();
    }
    this.accept(',');
    this.expect(close);
    this.depth = depth;
  }
  #literal(): CelExpr {
    const first = this.take();
    const isNegative = first.kind === '-';
    const token = isNegative ? this.take() : first;
    if (isNegative && token.kind !== 'NUM_INT' && token.kind !== 'NUM_FLOAT') throw new NotGrammatical();
    const at = { id: this.id(), offset: first.at };
    switch (token.kind) {
      case 'NUM_INT': {
        const value = intOf(token.text, isNegative);
        if (value === undefined) return this.#problem(first.at, 'invalid int literal');
        return { kind: 'literal', ...at, literal: 'int', value };
      }
      case 'NUM_UINT': {
        const value = uintOf(token.text);
        if (value === undefined) return this.#problem(first.at, 'invalid uint literal');
        return { kind: 'literal', ...at, literal: 'uint', value };
      }
      case 'NUM_FLOAT': {
        const value = Number(token.text);
        if (!Number.isFinite(value)) return this.#problem(first.at, 'invalid double literal');
        return { kind: 'literal', ...at, literal: 'double', value: isNegative ? -value : value };
      }
      case 'STRING':
      case 'BYTES': {
        const made = token.kind === 'STRING' ? unescapeString(token.text) : unescapeBytes(token.text);
        if ('problem' in made) return this.#problem(first.at, made.problem);
        return { kind: 'literal', ...at, literal: token.kind === 'STRING' ? 'string' : 'bytes', value: made.value };
      }
      case 'true':
      case 'false':
        return { kind: 'literal', ...at, literal: 'bool', value: token.kind === 'true' };
      case 'null':
        return { kind: 'literal', ...at, literal: 'null', value: null };
      default:
        throw new NotGrammatical();
    }
  }
}
const isNumber = (token: Token): boolean => token.kind === 'NUM_INT' || token.kind === 'NUM_FLOAT';
