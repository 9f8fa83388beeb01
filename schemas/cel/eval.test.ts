import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compile, CelCompileError } from './compile.ts';
import type { CelDeclared } from './declared.ts';
import { celEnvironment } from './environment.ts';
import { evaluate, evaluateWaiting, instantiationProblem } from './eval.ts';
import { CelAuthorizer, type CelAccess } from './libraries/authz.ts';
import { declaredBySchema } from './schema-declared.ts';
import { celDynamic, celValue } from './values-object.ts';
import { formatValue } from './values-text.ts';
import { CelError, CelOpaque, type CelValue } from './values.ts';

/** What it gives: `value`, `error` or `program`, which is why there is none; then there is no cost. */
type Row = readonly [expr: string, kind: string, text: string, cost?: number, limit?: number];
interface Fixture {
  readonly schema?: object;
  readonly self?: unknown;
  readonly oldSelf?: unknown;
  readonly vars?: Readonly<Record<string, unknown>>;
}
const golden = JSON.parse(readFileSync(new URL('testdata/answers.json', import.meta.url), 'utf8')) as {
  readonly fixtures: Readonly<Record<string, Fixture>>;
  readonly cases: Readonly<Record<string, readonly Row[]>>;
};
const DYN: CelDeclared = { type: { kind: 'dyn' }, minSize: 1 };
const AUTHORIZER: CelDeclared = { type: { kind: 'object', name: 'kubernetes.authorization.Authorizer' }, minSize: 1 };

/** As the server answered that the golden answers are of. */
function answer({ user, verb, path, resource }: CelAccess): { allowed: boolean; reason: string; error?: string } {
  const texts = [resource?.group, resource?.resource, resource?.subresource, resource?.namespace, resource?.name, path];
  const reason = `${user.name} ${verb} ${texts.map((text) => JSON.stringify(text ?? '')).join(' ')} [${user.groups.join(' ')}] ${resource?.fieldSelector ? 1 : 0} <nil> ${resource?.labelSelector ? 2 : 0} <nil>`;
  return { allowed: verb === 'get', reason, ...(verb === 'fail' && { error: `fail! ${resource?.resource}` }) };
}
function scene(name: string): { variables: Record<string, CelDeclared>; values: Map<string, CelValue> } {
  const variables: Record<string, CelDeclared> = {};
  const values = new Map<string, CelValue>();
  if (name === 'authorizer') {
    variables['authorizer'] = AUTHORIZER;
    values.set('authorizer', new CelAuthorizer({ name: 'jane', groups: ['devs'] }, answer));
  }
  const { schema, vars, ...objects } = golden.fixtures[name] ?? {};
  for (const [key, json] of Object.entries(schema ? objects : {})) {
    const declared = declaredBySchema(schema!, 'selfType1', false)!;
    variables[key] = declared;
    values.set(key, celValue(json, declared));
  }
  for (const [key, json] of Object.entries(vars ?? {})) {
    variables[key] = DYN;
    values.set(key, celDynamic(json));
  }
  return { variables, values };
}
const show = (value: CelValue): string =>
  value instanceof CelOpaque && value.typeName === 'kubernetes.Quantity' ? `quantity ${value}` : formatValue(value);

describe('What expressions give and cost is what Kubernetes says', () => {
  for (const [name, rows] of Object.entries(golden.cases)) {
    const { variables, values } = scene(name);
    const environment = celEnvironment({ variables });
    for (const [expr, kind, text, cost, limit] of rows)
      it(`${name}: ${expr}`, () => {
        const program = compile(expr, environment);
        const problem = instantiationProblem(program);
        if (kind === 'program') {
          expect(problem).toBe(text);
          return;
        }
        expect(problem).toBeUndefined();
        const result = evaluate(program, values, limit);
        const got =
          result.value instanceof CelError
            ? ['error', result.value.message, result.cost]
            : ['value', show(result.value), result.cost];
        expect(got).toEqual([kind, text, cost]);
      });
  }
  it('has looked at many', () => {
    expect(Object.values(golden.cases).flat().length).toBeGreaterThan(1000);
  });
});

describe('What takes too long ends', () => {
  const run = (expr: string, self?: unknown): unknown => {
    const environment = celEnvironment({ variables: { self: DYN } });
    const { value, exceeded } = evaluate(compile(expr, environment), new Map([['self', celDynamic(self ?? null)]]));
    return exceeded ? 'exceeded' : value instanceof CelError ? value.message : value;
  };
  it.each([
    'lists.range(1000000000000).size() == 0',
    'lists.range(1000).all(x, lists.range(1000).all(y, lists.range(1000).all(z, x + y + z >= 0)))',
    "lists.range(100).map(x, self.replace('', self)).size() == 0",
    "self.matches('(([ab]{0,50}){0,18})[cd]')",
    'lists.range(90000).map(x, self).join(self).size() == 0',
  ])('%s', (expr) => {
    expect(run(expr, 'ab'.repeat(50_000))).toMatch(/exceeded|too long/);
  });
});

describe('An authorizer that answers later', () => {
  it('is asked once for each question', async () => {
    const asked: string[] = [];
    const authorizer = new CelAuthorizer({ name: 'jane', groups: [] }, async (access) => {
      asked.push(`${access.verb} ${access.resource?.resource}`);
      return Promise.resolve(answer(access));
    });
    const program = compile(
      "authorizer.group('').resource('pods').check('get').allowed() && !authorizer.group('').resource('nodes').check('list').allowed()",
      celEnvironment({ variables: { authorizer: AUTHORIZER } }),
    );
    const result = await evaluateWaiting(program, new Map([['authorizer', authorizer]]));
    expect(result.value).toBe(true);
    expect(asked).toEqual(['get pods', 'list nodes']);
  });
});

describe('Evaluation never fails but with a CelError, and never costs more than it may', () => {
  const { variables, values } = scene('dynamic');
  const environment = celEnvironment({ variables });
  const leaf = fc.oneof(
    fc.constantFrom('o', 'o.i', 'o.l', 'o.m', 'o.zz', 'k', 'e', 'j', 'null', 'true', '1u', "b'x'", '[]', '{}', 'int'),
    fc.constantFrom("dyn('')", "dyn(-1)", 'dyn(1.5)', "timestamp('2023-01-01T00:00:00Z')", "duration('1s')", 'optional.none()'),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => `dyn(${n})`),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => `dyn(double('${n}'))`),
    fc.string({ unit: 'grapheme', maxLength: 6 }).map((text) => `dyn(${JSON.stringify(text)})`),
  ); // prettier-ignore
  const { expr } = fc.letrec<{ expr: string }>((tie) => ({
    expr: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      leaf,
      fc
        .tuple(tie('expr'), fc.constantFrom('+', '-', '*', '/', '%', '<', '>=', '==', '!=', 'in', '&&', '||'), tie('expr'))
        .map(([a, op, b]) => `(dyn(${a}) ${op} dyn(${b}))`),
      fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `dyn(${a})[dyn(${b})]`),
      fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `dyn(${a})[?dyn(${b})]`),
      fc.tuple(tie('expr'), tie('expr'), tie('expr')).map(([a, b, c]) => `(dyn(${a}) ? dyn(${b}) : dyn(${c}))`),
      fc
        .tuple(tie('expr'), fc.constantFrom('all', 'exists', 'exists_one', 'map', 'filter'), tie('expr'))
        .map(([a, macro, b]) => `dyn(${a}).${macro}(x, dyn(${b}) == x)`),
      fc
        .tuple(
          tie('expr'),
          fc.constantFrom('size', 'lowerAscii', 'trim', 'isSorted', 'sum', 'max', 'reverse', 'distinct', 'sort', 'flatten', 'getHours', 'first', 'value', 'family', 'isInteger', 'join'),
        )
        .map(([a, name]) => `dyn(${a}).${name}()`),
      fc
        .tuple(
          tie('expr'),
          fc.constantFrom('matches', 'find', 'findAll', 'contains', 'charAt', 'indexOf', 'split', 'substring', 'format', 'join', 'containsIP', 'isGreaterThan', 'or', 'orValue', 'getHours'),
          tie('expr'),
        )
        .map(([a, name, b]) => `dyn(${a}).${name}(dyn(${b}))`),
      fc
        .tuple(
          fc.constantFrom('string', 'int', 'uint', 'double', 'bool', 'bytes', 'timestamp', 'duration', 'type', 'size', 'url', 'ip', 'cidr', 'quantity', 'semver', 'isURL', 'isIP', 'isCIDR', 'lists.range', 'optional.ofNonZeroValue', 'strings.quote'),
          tie('expr'),
        )
        .map(([name, a]) => `dyn(${name}(dyn(${a})))`),
      fc.array(tie('expr'), { maxLength: 3 }).map((items) => `dyn([${items.map((item) => `dyn(${item})`).join(', ')}])`),
      fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `dyn({dyn(${a}): dyn(${b})})`),
    ),
  })); // prettier-ignore
  it('whatever the expression', () => {
    let ran = 0;
    fc.assert(
      fc.property(expr, fc.constantFrom(0, 10, 100, 1_000_000), (source, limit) => {
        let program;
        try {
          program = compile(source, environment);
        } catch (error) {
          expect(error).toBeInstanceOf(CelCompileError);
          return;
        }
        if (instantiationProblem(program) !== undefined) return;
        const { value, cost, exceeded } = evaluate(program, values, limit);
        ran++;
        expect(exceeded).toBe(cost > limit);
        expect(formatValue(value)).toBeTypeOf('string');
        expect(evaluate(program, values, limit).cost).toBe(cost);
      }),
      { numRuns: 2000 },
    );
    expect(ran).toBeGreaterThan(500);
  });
});
