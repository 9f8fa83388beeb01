import { goQuote } from '../meta/go-quote.ts';

/** Finds members named twice in a text that is valid JSON: `duplicate field "spec.containers[0].name"`. */
export const duplicateFields = (text: string): string[] => [
  ...new Set(membersOf(text).flatMap(({ path, again }) => (again ? [duplicate(path)] : []))),
];
const duplicate = (path: string): string => `duplicate field ${JSON.stringify(path)}`;

/** What the decoder finds of both kinds it tells as it meets it: members named twice and unknown ones in one order. */
export function inDocumentOrder(text: string, problems: readonly string[]): string[] {
  const met = new Map<string, number>();
  membersOf(text).forEach(({ path, again }, i) => {
    const problem = again ? duplicate(path) : `unknown field ${goQuote(path)}`;
    if (!met.has(problem)) met.set(problem, i);
  });
  return problems.toSorted((a, b) => (met.get(a) ?? Infinity) - (met.get(b) ?? Infinity));
}
interface Member {
  /** `spec.containers[0].name` */
  readonly path: string;
  /** The object has one of this name already. */
  readonly again: boolean;
}
function membersOf(text: string): Member[] {
  const out: Member[] = [];
  let i = 0;
  const space = (): void => {
    while (' \t\r\n'.includes(text[i] ?? '-')) i++;
  };
  const string = (): string => {
    const start = i;
    for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++;
    i++;
    return JSON.parse(text.slice(start, i)) as string;
  };
  const value = (path: string): void => {
    space();
    if (text[i] === '{') {
      const seen = new Set<string>();
      for (i++, space(); text[i] !== '}'; space()) {
        if (text[i] === ',') i++;
        space();
        const name = string();
        const at = path === '' ? name : `${path}.${name}`;
        out.push({ path: at, again: seen.has(name) });
        seen.add(name);
        space();
        i++;
        value(at);
      }
      i++;
    } else if (text[i] === '[') {
      let n = 0;
      for (i++, space(); text[i] !== ']'; space()) {
        if (text[i] === ',') i++;
        value(`${path}[${n++}]`);
      }
      i++;
    } else if (text[i] === '"') string();
    else while (i < text.length && !',]}'.includes(text[i]!)) i++;
  };
  value('');
  return out;
}
