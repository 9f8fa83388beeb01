import { arithmetic } from './arithmetic.ts';
import { NotUnderstood, parseScript, type List } from './shell-syntax.ts';

/** Thrown where the script, or the part of it that is a process of its own, ends. */
export class Exit {
  readonly code: number;
  constructor(code: number) {
    this.code = code;
  }
}
/** Thrown where it stays. */
export const FOREVER = Symbol('for ever');

/** What commands work on: the shell that comes to them. */
export interface Host {
  /** ms from the script's start. */
  now: number;
  /** Of the last command. */
  readonly status: number;
  endsOnError: boolean;
  onTerm: List | undefined;
  print(text: string): void;
  read(path: string): string | undefined;
  /** undefined: the file is removed. */
  write(path: string, text: string | undefined): void;
  variable(name: string): string;
  call(argv: readonly string[]): number;
}
/** Returns the exit code. */
type Builtin = (host: Host, args: readonly string[]) => number;

/** The command of that name or path. Throws NotUnderstood if nobody here knows it. */
export function builtin(path: string): Builtin {
  const name = path.replace(/^.*\//, '');
  const known = BUILTINS.get(name);
  if (known === undefined) throw new NotUnderstood(name);
  return known;
}
const number = (text: string): number => (/^[+-]?\d+$/.test(text) ? Number(text) : 0);
const success: Builtin = () => 0;
const bracket =
  (end: string): Builtin =>
  (host, args) => {
    if (args.at(-1) !== end) throw new NotUnderstood('test');
    return test(host, args.slice(0, -1));
  };
const BUILTINS: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
  ['true', success],
  [':', success],
  ['false', () => 1],
  ['mkdir', success],
  ['exit', (host, [code]) => { throw new Exit(code === undefined ? host.status : number(code) & 255); }],
  ['exec', (host, args) => { throw new Exit(host.call(args)); }],
  ['pause', () => { throw FOREVER; }],
  ['sleep', sleep],
  ['echo', echo],
  ['tail', (_, args) => { throw args.length === 2 && /^-[fF]$/.test(args[0]!) ? FOREVER : new NotUnderstood('tail'); }],
  ['cat', cat],
  ['touch', (host, args) => { for (const file of files(args)) host.write(file, host.read(file) ?? ''); return 0; }],
  ['rm', (host, args) => { for (const file of files(args)) if (host.read(file) !== undefined) host.write(file, undefined); return 0; }],
  ['set', set],
  ['hostname', (host) => { host.print(`${host.variable('HOSTNAME')}\n`); return 0; }],
  ['trap', trap],
  ['expr', expr],
  ['test', test],
  ['[', bracket(']')],
  ['[[', bracket(']]')],
]); // prettier-ignore

const UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3_600, d: 86_400 };
function sleep(host: Host, args: readonly string[]): number {
  for (const text of args) {
    if (/^inf(?:inity)?$/.test(text)) throw FOREVER;
    const [, digits, unit] = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text) ?? [];
    if (digits === undefined) throw new NotUnderstood(text);
    host.now += Number(digits) * UNITS[unit!]! * 1_000;
  }
  return 0;
}
function echo(host: Host, args: readonly string[]): number {
  host.print(/^-[ne]$/.test(args[0] ?? '') ? args.slice(1).join(' ') : args.join(' '));
  if (args[0] !== '-n') host.print('\n');
  return 0;
}
function cat(host: Host, args: readonly string[]): number {
  if (args.length === 0) throw new NotUnderstood('cat');
  let code = 0;
  for (const file of files(args)) {
    const text = host.read(file);
    if (text === undefined) code = 1;
    else host.print(text);
  }
  return code;
}
function set(host: Host, args: readonly string[]): number {
  if (!args.every((arg) => /^[-+][eux]+$/.test(arg))) throw new NotUnderstood('set');
  for (const arg of args) if (arg.includes('e')) host.endsOnError = arg.startsWith('-');
  return 0;
}
function trap(host: Host, [act = '', ...signals]: readonly string[]): number {
  if (signals.some((signal) => /^(?:SIG)?TERM$|^15$/.test(signal))) host.onTerm = parseScript(act);
  else if (signals.length === 0 || signals.some((signal) => /EXIT|^0$/.test(signal))) throw new NotUnderstood('trap');
  return 0;
}
function expr(host: Host, args: readonly string[]): number {
  const result = arithmetic(args.join(' '), () => '');
  host.print(`${result}\n`);
  return result === 0 ? 1 : 0;
}
function test(host: Host, args: readonly string[]): number {
  const [a = '', b = '', c = ''] = args;
  if (a === '!' && args.length > 1) return test(host, args.slice(1)) === 0 ? 1 : 0;
  if (args.length < 2) return a === '' ? 1 : 0;
  if (args.length === 2) {
    if (a === '-z') return Number(b !== '');
    if (a === '-n') return Number(b === '');
    if (/^-[ref]$/.test(a)) return Number(host.read(b) === undefined);
    if (a === '-s') return Number((host.read(b) ?? '') === '');
  }
  const compare = args.length === 3 ? COMPARISONS.get(b) : undefined;
  if (!compare) throw new NotUnderstood(args.join(' '));
  return Number(!compare(a, c));
}
const COMPARISONS: ReadonlyMap<string, (a: string, b: string) => boolean> = new Map<
  string,
  (a: string, b: string) => boolean
>(
  Object.entries({
    '=': (a: string, b: string) => a === b,
    '==': (a: string, b: string) => a === b,
    '!=': (a: string, b: string) => a !== b,
    '-eq': (a: string, b: string) => Number(a) === Number(b),
    '-ne': (a: string, b: string) => Number(a) !== Number(b),
    '-lt': (a: string, b: string) => Number(a) < Number(b),
    '-le': (a: string, b: string) => Number(a) <= Number(b),
    '-gt': (a: string, b: string) => Number(a) > Number(b),
    '-ge': (a: string, b: string) => Number(a) >= Number(b),
  }),
);
/** Names among a command's arguments; `-f` and the like change nothing here, but `-r` would mean more than a file. */
function files(args: readonly string[]): readonly string[] {
  const names = args.filter((arg) => !/^-[fp]$/.test(arg));
  if (names.some((name) => name.startsWith('-'))) throw new NotUnderstood('options');
  return names;
}
