/** What a shell script says, as far as it is read here; whoever reads it never runs anything of this machine. */
export type List = readonly { readonly node: Node; readonly after: ';' | '&&' | '||' }[];
export type Node =
  | { readonly is: 'command'; readonly sets: readonly Assignment[]; readonly words: readonly Word[]; readonly redirects: readonly Redirect[] } // prettier-ignore
  | { readonly is: 'if'; readonly branches: readonly { readonly when: List; readonly body: List }[]; readonly otherwise: List } // prettier-ignore
  | { readonly is: 'while'; readonly until: boolean; readonly when: List; readonly body: List }
  | { readonly is: 'for'; readonly name: string; readonly words: readonly Word[]; readonly body: List }
  | { readonly is: 'function'; readonly name: string; readonly body: List }
  | { readonly is: 'group'; readonly body: List }
  | { readonly is: 'not'; readonly node: Node };
export interface Assignment {
  readonly name: string;
  readonly value: Word;
}
/** Output to a file, or (`to` undefined) to another stream. */
export interface Redirect {
  readonly stream: 1 | 2;
  readonly append: boolean;
  readonly to: Word | undefined;
}
export type Word = readonly Part[];
export type Part =
  | { readonly is: 'text'; readonly text: string; readonly quoted: boolean }
  | { readonly is: 'variable'; readonly name: string; readonly otherwise: string; readonly quoted: boolean }
  | { readonly is: 'output'; readonly of: List; readonly quoted: boolean }
  | { readonly is: 'sum'; readonly of: Word; readonly quoted: boolean };

/** Thrown where a script goes beyond what is understood. */
export class NotUnderstood extends Error {
  override readonly name = 'NotUnderstood';
}

/** Reads a script of the POSIX shell; throws NotUnderstood. No pipes, jobs, globs, here-documents or `case`. */
export function parseScript(text: string): List {
  const reader = new Reader(text);
  const list = reader.list([]);
  reader.end();
  return list;
}
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const RESERVED = new Set(['then', 'else', 'elif', 'fi', 'do', 'done', '}', 'in', 'case', 'esac', 'until', 'while', 'for', 'if']); // prettier-ignore

class Reader {
  private at = 0;
  private readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  end(): void {
    if (this.at < this.text.length) throw new NotUnderstood(this.text.slice(this.at, this.at + 20));
  }
  /** Up to one of the words, which is left to be read. */
  list(until: readonly string[]): List {
    const list: { node: Node; after: ';' | '&&' | '||' }[] = [];
    for (;;) {
      this.skip(/(?:\s|;(?!;)|#.*)*/y);
      if (this.at >= this.text.length || this.peek(')') || until.some((word) => this.isWord(word))) return list;
      const node = this.node();
      this.skip(/[ \t]*/y);
      const after = this.take(/&&|\|\|/y) as '&&' | '||' | undefined;
      if (after === undefined && this.take(/[|&]/y) !== undefined) throw new NotUnderstood('pipes and jobs');
      list.push({ node, after: after ?? ';' });
    }
  }
  private node(): Node {
    if (this.word('!')) return { is: 'not', node: (this.skip(/[ \t]*/y), this.node()) };
    if (this.word('if')) return this.choice();
    if (this.word('while')) return this.loop(false);
    if (this.word('until')) return this.loop(true);
    if (this.word('for')) return this.each();
    if (this.word('{')) return { is: 'group', body: this.upTo('}') };
    const name = this.take(/[A-Za-z_][A-Za-z0-9_]*[ \t]*\(\)\s*/y);
    if (name !== undefined) {
      if (!this.word('{')) throw new NotUnderstood('a function without braces');
      return { is: 'function', name: name.replace(/[\s()]+/g, ''), body: this.upTo('}') };
    }
    return this.command();
  }
  private upTo(word: string): List {
    const body = this.list([word]);
    if (!this.word(word)) throw new NotUnderstood(`no ${word}`);
    return body;
  }
  private choice(): Node {
    const branches: { when: List; body: List }[] = [];
    for (;;) {
      const when = this.upTo('then');
      branches.push({ when, body: this.list(['elif', 'else', 'fi']) });
      if (this.word('elif')) continue;
      const otherwise = this.word('else') ? this.list(['fi']) : [];
      if (!this.word('fi')) throw new NotUnderstood('no fi');
      return { is: 'if', branches, otherwise };
    }
  }
  private loop(until: boolean): Node {
    const when = this.upTo('do');
    return { is: 'while', until, when, body: this.upTo('done') };
  }
  private each(): Node {
    this.skip(/\s*/y);
    const name = this.take(NAME);
    this.skip(/\s*/y);
    if (name === undefined || !this.word('in')) throw new NotUnderstood('for');
    const words: Word[] = [];
    for (let word = this.next(); word; word = this.next()) words.push(word);
    this.skip(/[\s;]*/y);
    if (!this.word('do')) throw new NotUnderstood('no do');
    return { is: 'for', name, words, body: this.upTo('done') };
  }
  private command(): Node {
    const sets: Assignment[] = [];
    const words: Word[] = [];
    const redirects: Redirect[] = [];
    for (;;) {
      this.skip(/(?:[ \t]|\\\n)*(?:#.*)?/y);
      const redirect = this.redirect();
      if (redirect) {
        redirects.push(redirect);
        continue;
      }
      const name = words.length === 0 ? this.take(/[A-Za-z_][A-Za-z0-9_]*=/y) : undefined;
      const word = this.next();
      if (name !== undefined) sets.push({ name: name.slice(0, -1), value: word ?? [] });
      else if (word) words.push(word);
      else break;
    }
    const [first] = words[0] ?? [];
    if (first?.is === 'text' && !first.quoted && RESERVED.has(first.text)) throw new NotUnderstood(first.text);
    if (sets.length + words.length + redirects.length === 0) throw new NotUnderstood('no command');
    return { is: 'command', sets, words, redirects };
  }
  private redirect(): Redirect | undefined {
    const found = this.take(/[12]?>(?:>|&[12])?/y);
    if (found === undefined) return undefined;
    const stream = found.startsWith('2') ? 2 : 1;
    if (found.includes('&')) return { stream, append: false, to: undefined };
    this.skip(/[ \t]*/y);
    const to = this.next();
    if (!to) throw new NotUnderstood('no file');
    return { stream, append: found.endsWith('>>'), to };
  }
  /** The next word on this line. */
  private next(): Word | undefined {
    this.skip(/(?:[ \t]|\\\n)*/y);
    const parts: Part[] = [];
    while (this.at < this.text.length && !/[\s;&|()<>]/.test(this.text[this.at]!)) this.part(parts);
    if (/[<(]/.test(this.text[this.at] ?? '')) throw new NotUnderstood(this.text[this.at]);
    return parts.length > 0 ? parts : undefined;
  }
  private part(parts: Part[]): void {
    const single = this.take(/'[^']*'/y);
    if (single !== undefined) return void parts.push({ is: 'text', text: single.slice(1, -1), quoted: true });
    if (this.peek('"')) return this.quoted(parts);
    if (this.peek('$')) return void parts.push(this.dollar(false));
    const escaped = this.take(/\\[^]/y);
    if (escaped !== undefined) return void parts.push({ is: 'text', text: escaped.slice(1), quoted: true });
    const text = this.take(/[^\s;&|()<>'"$\\`]+/y);
    if (text === undefined) throw new NotUnderstood(this.text[this.at]);
    parts.push({ is: 'text', text, quoted: false });
  }
  private quoted(parts: Part[]): void {
    this.at++;
    parts.push({ is: 'text', text: '', quoted: true });
    while (!this.peek('"')) {
      const text = this.take(/(?:[^"$\\`]|\\[^])+/y);
      if (text !== undefined) parts.push({ is: 'text', text: text.replaceAll(/\\(["$\\`])/g, '$1'), quoted: true });
      else if (this.peek('$')) parts.push(this.dollar(true));
      else throw new NotUnderstood('quotes');
    }
    this.at++;
  }
  private dollar(quoted: boolean): Part {
    this.at++;
    if (this.take(/\(\(/y) !== undefined) {
      const sum: Part[] = [];
      for (let depth = 0; depth > 0 || !this.peek('))');) {
        if (this.peek('(')) depth++;
        if (this.peek(')')) depth--;
        const text = this.take(/[()]|[^()$'"\\`]+/y);
        if (text !== undefined) sum.push({ is: 'text', text, quoted: true });
        else if (this.peek('$')) sum.push(this.dollar(true));
        else throw new NotUnderstood('arithmetic');
      }
      this.at += 2;
      return { is: 'sum', of: sum, quoted };
    }
    if (this.take(/\(/y) !== undefined) {
      const of = this.list([]);
      if (this.take(/\)/y) === undefined) throw new NotUnderstood('no )');
      return { is: 'output', of, quoted };
    }
    const braced = this.take(/\{[A-Za-z_][A-Za-z0-9_]*(?::-[^}$`]*)?\}/y);
    if (braced !== undefined) {
      const [name = '', otherwise = ''] = braced.slice(1, -1).split(':-');
      return { is: 'variable', name, otherwise, quoted };
    }
    const name = this.take(NAME) ?? this.take(/[?]/y);
    if (name === undefined) throw new NotUnderstood('$');
    return { is: 'variable', name, otherwise: '', quoted };
  }
  private peek(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }
  private isWord(word: string): boolean {
    return (
      this.peek(word) && /^(?:[\s;&|()]|$)/.test(this.text.slice(this.at + word.length, this.at + word.length + 1))
    );
  }
  private word(word: string): boolean {
    if (!this.isWord(word)) return false;
    this.at += word.length;
    return true;
  }
  private take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    if (!found) return undefined;
    this.at += found.length;
    return found;
  }
  private skip(pattern: RegExp): void {
    this.take(pattern);
  }
}
