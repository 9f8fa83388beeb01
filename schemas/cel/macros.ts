import type { CelCall, CelComprehension, CelExpr, CelIdent, CelLiteral } from './ast.ts';

/** Makes nodes, counting them: what macros come to is bounded. */
export interface NodeMaker {
  /** The id of the next node; throws when an expression has become too large. */
  id(): number;
}
/** A macro was meant, but its arguments do not fit. */
export interface MacroProblem {
  readonly problem: string;
  readonly at: number;
}
type Expanded = CelExpr | MacroProblem | undefined;
type Expand = (make: Maker, target: CelExpr, args: readonly CelExpr[]) => Expanded;

const ACCUMULATOR = '@result';
const OLD_ACCUMULATOR = '__result__';

/** What a call comes to if it is a macro; undefined if it is none. Source: cel-go parser/macro.go, ext/comprehensions.go, ext/lists.go, cel/library.go. */
export function expandMacro(
  maker: NodeMaker,
  offset: number,
  name: string,
  target: CelExpr | undefined,
  args: readonly CelExpr[],
  binds: boolean,
): Expanded {
  if (binds && name === 'bind' && args.length === 3 && target?.kind === 'ident' && target.name === 'cel')
    return bindMacro(new Maker(maker, offset), args);
  const expand = MACROS.get(`${name}:${args.length}:${target !== undefined}`);
  // `has` is the only one without a target: it takes its argument for one.
  return expand?.(new Maker(maker, offset), target ?? args[0]!, args);
}

class Maker {
  readonly #ids: NodeMaker;
  readonly offset: number;

  constructor(ids: NodeMaker, offset: number) {
    this.#ids = ids;
    this.offset = offset;
  }
  #node(): { id: number; offset: number } {
    return { id: this.#ids.id(), offset: this.offset };
  }
  literal(value: boolean | bigint): CelLiteral {
    return { kind: 'literal', ...this.#node(), literal: typeof value === 'boolean' ? 'bool' : 'int', value };
  }
  ident(name: string): CelIdent {
    return { kind: 'ident', ...this.#node(), name };
  }
  accu(): CelIdent {
    return this.ident(ACCUMULATOR);
  }
  call(name: string, ...args: CelExpr[]): CelCall {
    return { kind: 'call', ...this.#node(), name, args };
  }
  member(name: string, target: CelExpr, ...args: CelExpr[]): CelCall {
    return { kind: 'call', ...this.#node(), name, target, args };
  }
  list(...elements: CelExpr[]): CelExpr {
    return { kind: 'list', ...this.#node(), elements, optionals: [] };
  }
  map(): CelExpr {
    return { kind: 'map', ...this.#node(), entries: [] };
  }
  has(operand: CelExpr, field: string): CelExpr {
    return { kind: 'select', ...this.#node(), operand, field, test: true };
  }
  fold(of: Omit<CelComprehension, 'kind' | 'id' | 'offset' | 'accuVar'> & { accuVar?: string }): CelExpr {
    return { kind: 'comprehension', ...this.#node(), accuVar: ACCUMULATOR, ...of };
  }
  copy(one: CelExpr): CelExpr {
    const id = this.#ids.id();
    switch (one.kind) {
      case 'literal':
      case 'ident':
        return { ...one, id };
      case 'select':
        return { ...one, id, operand: this.copy(one.operand) };
      case 'call':
        return { ...one, id, target: one.target && this.copy(one.target), args: one.args.map((arg) => this.copy(arg)) };
      case 'list':
        return { ...one, id, elements: one.elements.map((element) => this.copy(element)) };
      case 'map':
        return {
          ...one,
          id,
          entries: one.entries.map((entry) => ({ ...entry, key: this.copy(entry.key), value: this.copy(entry.value) })),
        };
      case 'struct':
        return { ...one, id, entries: one.entries.map((entry) => ({ ...entry, value: this.copy(entry.value) })) };
      case 'comprehension':
        return {
          ...one,
          id,
          iterRange: this.copy(one.iterRange),
          accuInit: this.copy(one.accuInit),
          loopCondition: this.copy(one.loopCondition),
          loopStep: this.copy(one.loopStep),
          result: this.copy(one.result),
        };
    }
  }
}

const problem = (at: CelExpr, text: string): MacroProblem => ({ problem: text, at: at.offset });
const OVERWRITES = 'iteration variable overwrites accumulator variable';
const isReserved = (name: string): boolean => name === ACCUMULATOR || name === OLD_ACCUMULATOR;
type Variables = { iterVar: string; iterVar2?: string };

/** The variables of a fold: the first argument, with `two` also the second. */
function variables(args: readonly CelExpr[], two: boolean, otherwise: string): Variables | MacroProblem {
  const [first, second] = args as [CelExpr, CelExpr];
  if (first.kind !== 'ident') return problem(first, otherwise);
  if (!two) return isReserved(first.name) ? problem(first, OVERWRITES) : { iterVar: first.name };
  if (second.kind !== 'ident') return problem(second, otherwise);
  if (first.name === second.name) return problem(second, `duplicate variable name: ${first.name}`);
  if (isReserved(first.name)) return problem(first, OVERWRITES);
  if (isReserved(second.name)) return problem(second, OVERWRITES);
  return { iterVar: first.name, iterVar2: second.name };
}
const SIMPLE = 'argument must be a simple name';
const quantifier =
  (kind: 'all' | 'exists' | 'one', two: boolean): Expand =>
  (make, target, args) => {
    const names = variables(args, two, SIMPLE);
    if ('problem' in names) return names;
    const test = args[two ? 2 : 1]!;
    const parts =
      kind === 'all'
        ? {
            accuInit: make.literal(true),
            loopCondition: make.call('@not_strictly_false', make.accu()),
            loopStep: make.call('_&&_', make.accu(), test),
            result: make.accu(),
          }
        : kind === 'exists'
          ? {
              accuInit: make.literal(false),
              loopCondition: make.call('@not_strictly_false', make.call('!_', make.accu())),
              loopStep: make.call('_||_', make.accu(), test),
              result: make.accu(),
            }
          : {
              accuInit: make.literal(0n),
              loopCondition: make.literal(true),
              loopStep: make.call('_?_:_', test, make.call('_+_', make.accu(), make.literal(1n)), make.accu()),
              result: make.call('_==_', make.accu(), make.literal(1n)),
            };
    return make.fold({ iterRange: target, ...names, ...parts });
  };
/** A list or map is gathered: of each element that passes the filter, what `step` adds. */
const gather =
  (two: boolean, filtered: boolean, otherwise: string, into: 'list' | 'map' | 'entry'): Expand =>
  (make, target, args) => {
    const names = variables(args, two, otherwise);
    if ('problem' in names) return names;
    const rest = args.slice(two ? 2 : 1);
    const filter = filtered ? rest[0] : undefined;
    const value = rest[filtered ? 1 : 0]!;
    const accuInit = into === 'list' ? make.list() : make.map();
    const add =
      into === 'list'
        ? make.call('_+_', make.accu(), make.list(value))
        : into === 'map'
          ? make.call('cel.@mapInsert', make.accu(), make.ident(names.iterVar), value)
          : make.call('cel.@mapInsert', make.accu(), value);
    const loopStep = filter ? make.call('_?_:_', filter, add, make.accu()) : add;
    return make.fold({
      iterRange: target,
      ...names,
      accuInit,
      loopCondition: make.literal(true),
      loopStep,
      result: make.accu(),
    });
  };
const NOT_IDENTIFIER = 'argument is not an identifier';
const map = (filtered: boolean): Expand => gather(false, filtered, NOT_IDENTIFIER, 'list');
const filter: Expand = (make, target, args) => map(true)(make, target, [args[0]!, args[1]!, args[0]!]);
const has: Expand = (make, argument) =>
  argument.kind === 'select'
    ? make.has(argument.operand, argument.field)
    : problem(argument, 'invalid argument to has() macro');
/** What is bound to a name for one expression: a fold over nothing. */
const bind = (make: Maker, name: string, value: CelExpr, result: CelExpr): CelExpr =>
  make.fold({
    iterRange: make.list(),
    iterVar: '#unused',
    accuVar: name,
    accuInit: value,
    loopCondition: make.literal(false),
    loopStep: make.ident(name),
    result,
  });
function bindMacro(make: Maker, [name, value, result]: readonly CelExpr[]): Expanded {
  if (name?.kind !== 'ident') return problem(name!, 'cel.bind() variable names must be simple identifiers');
  return bind(make, name.name, value!, result!);
}
const optional =
  (name: string, wrap: boolean): Expand =>
  (make, target, args) => {
    const variable = args[0]!;
    if (variable.kind !== 'ident') return problem(variable, `${name}() variable name must be a simple identifier`);
    const value = bind(make, variable.name, make.member('value', make.copy(target)), args[1]!);
    return make.call(
      '_?_:_',
      make.member('hasValue', target),
      wrap ? make.call('optional.of', value) : value,
      make.call('optional.none'),
    );
  };
const SORT_INPUT = '@__sortBy_input__';
const SORTABLE = new Set(['list', 'select', 'ident', 'comprehension', 'call']);
const sortBy: Expand = (make, target, args) => {
  if (!SORTABLE.has(target.kind))
    return problem(
      target,
      'sortBy can only be applied to a list, identifier, comprehension, call or select expression',
    );
  const keys = map(false)(make, make.ident(SORT_INPUT), args);
  if (keys === undefined || 'problem' in keys) return keys;
  return bind(make, SORT_INPUT, target, make.member('@sortByAssociatedKeys', make.ident(SORT_INPUT), keys));
};

const MACROS: ReadonlyMap<string, Expand> = new Map<string, Expand>([
  ['has:1:false', has],
  ['all:2:true', quantifier('all', false)],
  ['all:3:true', quantifier('all', true)],
  ['exists:2:true', quantifier('exists', false)],
  ['exists:3:true', quantifier('exists', true)],
  ['exists_one:2:true', quantifier('one', false)],
  ['exists_one:3:true', quantifier('one', true)],
  ['existsOne:3:true', quantifier('one', true)],
  ['map:2:true', map(false)],
  ['map:3:true', map(true)],
  ['filter:2:true', filter],
  ['transformList:3:true', gather(true, false, SIMPLE, 'list')],
  ['transformList:4:true', gather(true, true, SIMPLE, 'list')],
  ['transformMap:3:true', gather(true, false, SIMPLE, 'map')],
  ['transformMap:4:true', gather(true, true, SIMPLE, 'map')],
  ['transformMapEntry:3:true', gather(true, false, SIMPLE, 'entry')],
  ['transformMapEntry:4:true', gather(true, true, SIMPLE, 'entry')],
  ['optMap:2:true', optional('optMap', true)],
  ['optFlatMap:2:true', optional('optFlatMap', false)],
  ['sortBy:2:true', sortBy],
]);
