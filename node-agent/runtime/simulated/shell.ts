import { arithmetic } from './arithmetic.ts';
import { builtin, Exit, FOREVER, type Host } from './builtins.ts';
import type { Course, Line, Surroundings, Write } from './course.ts';
import { NotUnderstood, parseScript, type List, type Node, type Redirect, type Word } from './shell-syntax.ts';

/** Commands that a script may come to; what would go on after them goes on for ever. */
const MOST_STEPS = 1_000;

/**
 * Works out what a command line does that is made of the simplest words: `sh -c` with variables, conditions, loops,
 * functions, traps, files by name, `sleep`, `echo`, `cat`, `touch`, `rm`, `test`, `expr`, `exit`. undefined: it goes beyond that.
 */
export function courseOf(argv: readonly string[], at: Surroundings): Course | undefined {
  try {
    return new Shell(at).run(argv);
  } catch (error) {
    if (error instanceof NotUnderstood) return undefined;
    throw error;
  }
}
class Shell implements Host {
  private readonly at: Surroundings;
  private readonly env = new Map<string, string>();
  private readonly functions = new Map<string, List>();
  private readonly own = new Map<string, string | undefined>();
  private readonly lines: Line[] = [];
  private loop: Course['loop'];
  private readonly writes: Write[] = [];
  onTerm: List | undefined;
  now = 0;
  /** How often files were looked at. */
  private looks = 0;
  private steps = 0;
  status = 0;
  endsOnError = false;
  /** Depth of what may fail without ending a script that ends on errors. */
  private tried = 0;
  /** Where output goes that is asked for by `$(...)`. */
  private captured: string | undefined;
  /** What was printed since the last end of a line. */
  private open = '';

  constructor(at: Surroundings) {
    this.at = at;
  }
  run(argv: readonly string[]): Course {
    const end = this.ended(() => this.start(argv));
    if (this.open !== '') this.lines.push({ atMs: this.now, text: this.open, isOpen: true });
    const trap = this.onTerm;
    const { lines, loop, writes } = this;
    const onTerm = trap && ((): Pick<Course, 'exitAfterMs' | 'exitCode'> => {
      const began = this.now;
      const { exitAfterMs, exitCode } = this.ended(() => {
        this.list(trap);
        // Who does not exit goes on with what it did.
        throw FOREVER;
      });
      return { exitAfterMs: exitAfterMs === undefined ? undefined : exitAfterMs - began, exitCode };
    }); // prettier-ignore
    return { ...end, lines: [...lines], loop, writes: [...writes], onTerm };
  }
  private ended(act: () => void): Pick<Course, 'exitAfterMs' | 'exitCode'> {
    try {
      act();
      return { exitAfterMs: this.now, exitCode: this.status };
    } catch (end) {
      if (end instanceof Exit) return { exitAfterMs: this.now, exitCode: end.code };
      if (end === FOREVER) return { exitCode: 0 };
      throw end;
    }
  }
  private start(argv: readonly string[]): void {
    const [, program] = /(?:^|\/)((?:ba|da|a)?sh)$/.exec(argv[0] ?? '') ?? [];
    if (program === undefined) return void (this.status = this.call(argv));
    const [, flags = '', script = ''] = argv;
    if (!/^-[eux]*c[eux]*$/.test(flags)) throw new NotUnderstood(flags);
    this.endsOnError = flags.includes('e');
    this.list(parseScript(script));
  }
  private list(list: List): void {
    let before: ';' | '&&' | '||' = ';';
    for (const { node, after } of list) {
      const isDue = before === ';' || (before === '&&') === (this.status === 0);
      if (isDue) {
        const mayFail = after !== ';';
        if (mayFail) this.tried++;
        this.node(node);
        if (mayFail) this.tried--;
        else if (this.status !== 0 && this.endsOnError && this.tried === 0 && node.is !== 'not')
          throw new Exit(this.status);
      }
      before = after;
    }
  }
  private holds(list: List): boolean {
    this.tried++;
    this.list(list);
    this.tried--;
    return this.status === 0;
  }
  private node(node: Node): void {
    if (++this.steps > MOST_STEPS) throw FOREVER;
    switch (node.is) {
      case 'command':
        return this.command(node);
      case 'group':
        return this.list(node.body);
      case 'function':
        this.functions.set(node.name, node.body);
        return void (this.status = 0);
      case 'not':
        this.tried++;
        this.node(node.node);
        this.tried--;
        return void (this.status = this.status === 0 ? 1 : 0);
      case 'if': {
        const branch = node.branches.find(({ when }) => this.holds(when));
        this.status = 0;
        return this.list(branch?.body ?? node.otherwise);
      }
      case 'for':
        this.status = 0;
        for (const word of node.words.flatMap((w) => this.expand(w))) {
          this.env.set(node.name, word);
          this.list(node.body);
        }
        return;
      case 'while': {
        let status = 0;
        for (let looks = this.looks; this.holds(node.when) !== node.until; looks = this.looks) {
          const [before, { now }] = [this.footprint(), this];
          const from = this.lines.length;
          this.list(node.body);
          if (this.footprint() === before) this.repeat(from, this.now - now, this.looks > looks);
          status = this.status;
        }
        this.status = status;
      }
    }
  }
  private footprint(): string {
    return JSON.stringify([[...this.env], [...this.own]]);
  }
  /** What changes nothing but the time goes on so, unless it waits for what others write. */
  private repeat(from: number, everyMs: number, looked: boolean): never {
    if (looked) throw new NotUnderstood('a loop that waits for a file');
    if (everyMs > 0 && from < this.lines.length) this.loop = { from, everyMs };
    throw FOREVER;
  }
  private command({ sets, words, redirects }: Extract<Node, { is: 'command' }>): void {
    const argv = isTest(words[0]) ? words.map((word) => this.plain(word)) : words.flatMap((word) => this.expand(word));
    if (argv.length === 0 || argv[0] === 'export') {
      this.status = 0;
      for (const { name, value } of sets) this.env.set(name, this.plain(value));
      for (const set of argv.slice(1)) {
        const [name = '', ...value] = set.split('=');
        if (value.length > 0) this.env.set(name, value.join('='));
      }
      if (argv.length === 0) for (const redirect of redirects) this.redirect(redirect, '');
      return;
    }
    if (sets.length > 0) throw new NotUnderstood('variables of one command');
    if (redirects.length === 0) return void (this.status = this.call(argv));
    const output = this.captureOf(() => (this.status = this.call(argv)));
    const ofOutput = redirects.findLast(({ stream }) => stream === 1);
    for (const redirect of redirects) this.redirect(redirect, redirect === ofOutput ? output : '');
    if (!ofOutput?.to) this.print(output);
  }
  private captureOf(act: () => void): string {
    const outer = this.captured;
    this.captured = '';
    act();
    const output = this.captured;
    this.captured = outer;
    return output;
  }
  private redirect({ to, append }: Redirect, output: string): void {
    if (!to) return;
    const path = this.plain(to);
    if (path === '/dev/null') return;
    if (/^\/dev\/std(?:out|err)$|^\/proc\//.test(path)) return this.print(output);
    this.write(path, append ? (this.read(path) ?? '') + output : output);
  }
  print(text: string): void {
    if (this.captured !== undefined) {
      this.captured += text;
      return;
    }
    const lines = (this.open + text).split('\n');
    this.open = lines.pop()!;
    for (const line of lines) this.lines.push({ atMs: this.now, text: line });
  }
  read(path: string): string | undefined {
    if (!path.startsWith('/')) throw new NotUnderstood('a path that is not absolute');
    if (path === '/dev/null') return '';
    this.looks++;
    return this.own.has(path) ? this.own.get(path) : this.at.read(path);
  }
  write(path: string, text: string | undefined): void {
    if (!path.startsWith('/')) throw new NotUnderstood('a path that is not absolute');
    this.own.set(path, text);
    this.writes.push({ atMs: this.now, path, text });
  }

  private plain(word: Word): string {
    return this.expand(word, false).join(' ');
  }
  /** The words that one becomes: what comes of variables is split at blanks unless it is quoted. */
  private expand(word: Word, splits = true): string[] {
    const done: string[] = [];
    let last: string | undefined;
    for (const part of word) {
      const text = this.valueOf(part);
      if (part.is === 'text' && !part.quoted && /[*?[\]~]/.test(text) && !/^(?:\[\[?|\]\]?)$/.test(text))
        throw new NotUnderstood('patterns');
      if (part.is === 'text' || part.quoted || !splits) {
        last = (last ?? '') + text;
        continue;
      }
      const [first = '', ...rest] = text.split(/\s+/);
      if (first !== '') last = (last ?? '') + first;
      for (const field of rest) {
        if (last !== undefined) done.push(last);
        last = field === '' ? undefined : field;
      }
    }
    if (last !== undefined) done.push(last);
    return done;
  }
  private valueOf(part: Word[number]): string {
    switch (part.is) {
      case 'text':
        return part.text;
      case 'variable':
        return this.variable(part.name) || part.otherwise;
      case 'sum':
        return String(arithmetic(this.plain(part.of), (name) => this.variable(name)));
      case 'output':
        return this.captureOf(() => this.subshell(part.of)).replace(/\n+$/, '');
    }
  }
  /** What is set there is not set outside, and its end is not that of the script. */
  private subshell(list: List): void {
    const env = [...this.env];
    try {
      this.list(list);
    } catch (end) {
      if (!(end instanceof Exit)) throw end;
      this.status = end.code;
    }
    this.env.clear();
    for (const [name, value] of env) this.env.set(name, value);
  }
  variable(name: string): string {
    if (name === '?') return String(this.status);
    if (name === 'RANDOM') return String(Math.floor(this.at.random() * 32_768));
    return this.env.get(name) ?? this.at.variable(name);
  }

  /** Carries out one command; its exit code. */
  call(argv: readonly string[]): number {
    const [path = '', ...args] = argv;
    const body = this.functions.get(path);
    if (!body) return builtin(path)(this, args);
    if (args.length > 0) throw new NotUnderstood('arguments of a function');
    this.list(body);
    return this.status;
  }
}
const isTest = (word: Word | undefined): boolean =>
  word?.length === 1 && word[0]!.is === 'text' && word[0]!.text === '[[';
