const CONTEXT = 3;
/** From this many lines on, lines that make up more than a hundredth do not begin a match. */
const LONG = 200;

interface Match {
  readonly a: number;
  readonly b: number;
  readonly size: number;
}
interface Line {
  readonly mark: ' ' | '-' | '+';
  readonly text: string;
  /** Where in each of both it stands, or would stand. */
  readonly a: number;
  readonly b: number;
}

/**
 * The hunks of a unified diff with three lines around each change, '' of equals. Matches are found as Ratcliff and
 * Obershelp do it, the longest first and then left and right of it: not the shortest diff, but the one that Go prints.
 * Source: github.com/pmezard/go-difflib.
 */
export function unifiedDiff(a: readonly string[], b: readonly string[]): string {
  const lines = linesOf(a, b);
  const near = new Array<boolean>(lines.length).fill(false);
  for (const [n, line] of lines.entries())
    if (line.mark !== ' ') near.fill(true, Math.max(0, n - CONTEXT), n + CONTEXT + 1);
  let out = '';
  for (let n = 0; n < lines.length; n++) {
    if (!near[n]) continue;
    let end = n;
    while (end < lines.length && near[end]) end++;
    const hunk = lines.slice(n, end);
    const olds = hunk.filter((l) => l.mark !== '+').length;
    const news = hunk.filter((l) => l.mark !== '-').length;
    out += `@@ -${range(lines[n]!.a, olds)} +${range(lines[n]!.b, news)} @@\n`;
    for (const { mark, text } of hunk) out += `${mark}${text}\n`;
    n = end;
  }
  return out;
}
const range = (start: number, length: number): string =>
  length === 1 ? String(start + 1) : `${length === 0 ? start : start + 1},${length}`;

function linesOf(a: readonly string[], b: readonly string[]): Line[] {
  const lines: Line[] = [];
  let [i, j] = [0, 0];
  for (const match of [...matches(a, b), { a: a.length, b: b.length, size: 0 }]) {
    for (; i < match.a; i++) lines.push({ mark: '-', text: a[i]!, a: i, b: j });
    for (; j < match.b; j++) lines.push({ mark: '+', text: b[j]!, a: i, b: j });
    for (const end = i + match.size; i < end; i++, j++) lines.push({ mark: ' ', text: a[i]!, a: i, b: j });
  }
  return lines;
}
function* matches(a: readonly string[], b: readonly string[]): Generator<Match> {
  const places = new Map<string, number[]>();
  for (const [j, line] of b.entries()) {
    const known = places.get(line);
    if (known) known.push(j);
    else places.set(line, [j]);
  }
  if (b.length >= LONG) {
    const most = Math.floor(b.length / 100) + 1;
    for (const [line, at] of places) if (at.length > most) places.delete(line);
  }
  function* between(fromA: number, toA: number, fromB: number, toB: number): Generator<Match> {
    const best = longest(a, b, places, fromA, toA, fromB, toB);
    if (best.size === 0) return;
    if (fromA < best.a && fromB < best.b) yield* between(fromA, best.a, fromB, best.b);
    yield best;
    const [i, j] = [best.a + best.size, best.b + best.size];
    if (i < toA && j < toB) yield* between(i, toA, j, toB);
  }
  yield* between(0, a.length, 0, b.length);
}
/** Of several the one that begins first in `a`, then in `b`. */
function longest(
  a: readonly string[],
  b: readonly string[],
  places: ReadonlyMap<string, readonly number[]>,
  fromA: number,
  toA: number,
  fromB: number,
  toB: number,
): Match {
  let [bestA, bestB, size] = [fromA, fromB, 0];
  let ending = new Map<number, number>();
  for (let i = fromA; i < toA; i++) {
    const next = new Map<number, number>();
    for (const j of places.get(a[i]!) ?? []) {
      if (j < fromB) continue;
      if (j >= toB) break;
      const length = (ending.get(j - 1) ?? 0) + 1;
      next.set(j, length);
      if (length > size) [bestA, bestB, size] = [i - length + 1, j - length + 1, length];
    }
    ending = next;
  }
  for (; bestA > fromA && bestB > fromB && a[bestA - 1] === b[bestB - 1]; size++) {
    bestA--;
    bestB--;
  }
  while (bestA + size < toA && bestB + size < toB && a[bestA + size] === b[bestB + size]) size++;
  return { a: bestA, b: bestB, size };
}
