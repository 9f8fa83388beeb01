/**
 * JSONPath as kubectl and the columns of custom kinds know it: fields, `['a.b']`, indices, slices, unions, `*`, `..` and
 * filters that compare (`[?(@.type=="Ready")]`). Source: client-go util/jsonpath.
 */
type Step = (values: readonly unknown[]) => unknown[];
export type JsonPath = (value: unknown) => readonly unknown[];

const NAME = /^(?:[^\s.[\]{}()'"*,:?@=!<>&|\\]|\\.)+/;
const INTEGER = /^-?\d+/;
const OPERATOR = /^(?:==|!=|<=|>=|<|>)/;
const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** undefined: not a path. With or without the leading `$` and the braces around it. */
export function parseJsonPath(text: string): JsonPath | undefined {
  const path = text
    .trim()
    .replace(/^\{(.*)\}$/s, '$1')
    .replace(/^\$/, '');
  const parsed = steps(path);
  if (parsed === undefined || parsed.rest !== '') return undefined;
  return (value) => parsed.steps.reduce<readonly unknown[]>((values, step) => step(values), [value]);
}
interface Parsed {
  readonly steps: readonly Step[];
  readonly rest: string;
}
function steps(path: string): Parsed | undefined {
  const out: Step[] = [];
  let rest = path;
  while (rest !== '') {
    let found: { step: Step; rest: string } | undefined;
    if (rest.startsWith('..')) found = { step: descend, rest: rest.slice(rest[2] === '[' ? 2 : 1) };
    else if (rest === '.') found = { step: (values) => [...values], rest: '' };
    else if (rest.startsWith('.[')) found = bracket(rest.slice(1));
    else if (rest.startsWith('.*')) found = { step: everything, rest: rest.slice(2) };
    else if (rest.startsWith('.')) found = named(rest.slice(1));
    else if (rest.startsWith('[')) found = bracket(rest);
    else if (out.length === 0 && path === rest) found = named(rest);
    else return { steps: out, rest };
    if (found === undefined) return undefined;
    out.push(found.step);
    rest = found.rest;
  }
  return { steps: out, rest };
}
const field =
  (name: string): Step =>
  (values) =>
    values.flatMap((value) => (isMap(value) && Object.hasOwn(value, name) ? [value[name]] : []));
const everything: Step = (values) =>
  values.flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : isMap(value) ? Object.values(value) : []));
const descend: Step = (values) => {
  const out: unknown[] = [];
  const visit = (value: unknown): void => {
    out.push(value);
    for (const inner of everything([value])) visit(inner);
  };
  values.forEach(visit);
  return out;
};
function named(text: string): { step: Step; rest: string } | undefined {
  const name = NAME.exec(text)?.[0];
  if (name === undefined) return undefined;
  return { step: field(name.replaceAll(/\\(.)/g, '$1')), rest: text.slice(name.length) };
}

/** The text inside the bracket that `text` begins with, quotes and nesting respected. */
function inside(text: string): { inner: string; rest: string } | undefined {
  let depth = 0;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quote !== '') {
      if (c === '\\') i += 1;
      else if (c === quote) quote = '';
    } else if (c === "'" || c === '"') quote = c;
    else if (c === '[') depth += 1;
    else if (c === ']' && --depth === 0) return { inner: text.slice(1, i), rest: text.slice(i + 1) };
  }
  return undefined;
}
function bracket(text: string): { step: Step; rest: string } | undefined {
  const found = inside(text);
  if (found === undefined) return undefined;
  const inner = found.inner.trim();
  const step = inner.startsWith('?(') && inner.endsWith(')') ? filter(inner.slice(2, -1)) : union(inner);
  return step && { step, rest: found.rest };
}
function union(inner: string): Step | undefined {
  const parts = inner.match(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,]+/g) ?? [];
  const all = parts.map((part) => single(part.trim()));
  if (all.length === 0 || all.includes(undefined)) return undefined;
  return all.length === 1 ? all[0] : (values) => values.flatMap((value) => all.flatMap((step) => step!([value])));
}
function single(part: string): Step | undefined {
  if (part === '*') return everything;
  if (/^(['"]).*\1$/s.test(part)) return field(part.slice(1, -1).replaceAll(/\\(.)/g, '$1'));
  if (INTEGER.exec(part)?.[0] === part)
    return (values) => values.flatMap((v) => (Array.isArray(v) ? at(v as unknown[], Number(part)) : []));
  const slice = /^(-?\d+)?:(-?\d+)?(?::(\d+))?$/.exec(part);
  if (!slice) return undefined;
  const [, from, to, by] = slice;
  const stride = by === undefined ? 1 : Number(by);
  if (stride === 0) return undefined;
  return (values) =>
    values.flatMap((v) =>
      Array.isArray(v)
        ? (v as unknown[])
            .slice(from === undefined ? 0 : Number(from), to === undefined ? undefined : Number(to))
            .filter((_, i) => i % stride === 0)
        : [],
    );
}
const at = (list: readonly unknown[], i: number): unknown[] => {
  const index = i < 0 ? list.length + i : i;
  return index >= 0 && index < list.length ? [list[index]] : [];
};

type Operand = (item: unknown) => readonly unknown[];
function operand(text: string): { value: Operand; rest: string } | undefined {
  const quoted = /^(['"])((?:(?!\1)[^\\]|\\.)*)\1/s.exec(text);
  if (quoted) return { value: () => [quoted[2]!.replaceAll(/\\(.)/g, '$1')], rest: text.slice(quoted[0].length) };
  const word = /^(?:true|false|-?\d+(?:\.\d+)?)/.exec(text)?.[0];
  if (word !== undefined) return { value: () => [JSON.parse(word) as unknown], rest: text.slice(word.length) };
  if (!text.startsWith('@')) return undefined;
  if (/^@\s*(?:[=!<>]|$)/.test(text)) return { value: (item) => [item], rest: text.slice(1) };
  const parsed = steps(text.slice(1));
  return (
    parsed && {
      value: (item) => parsed.steps.reduce<readonly unknown[]>((values, step) => step(values), [item]),
      rest: parsed.rest,
    }
  );
}
function filter(text: string): Step | undefined {
  const left = operand(text.trim());
  if (left === undefined) return undefined;
  const middle = left.rest.trim();
  const select =
    (keeps: (item: unknown) => boolean): Step =>
    (values) =>
      values.flatMap((value) =>
        Array.isArray(value)
          ? (value as unknown[]).filter(keeps)
          : isMap(value)
            ? Object.values(value).filter(keeps)
            : [],
      );
  if (middle === '') return select((item) => left.value(item).length > 0);
  const operator = OPERATOR.exec(middle)?.[0];
  const right = operator === undefined ? undefined : operand(middle.slice(operator.length).trim());
  if (operator === undefined || right === undefined || right.rest.trim() !== '') return undefined;
  return select((item) => {
    const [a, b] = [left.value(item), right.value(item)];
    return a.length === 1 && b.length === 1 && compare(a[0], operator, b[0]);
  });
}
function compare(a: unknown, operator: string, b: unknown): boolean {
  if (operator === '==') return a === b;
  if (operator === '!=') return a !== b;
  if (typeof a !== typeof b || (typeof a !== 'number' && typeof a !== 'string')) return false;
  const [x, y] = [a, b as number | string];
  if (operator === '<') return x < y;
  if (operator === '>') return x > y;
  return operator === '<=' ? x <= y : x >= y;
}
