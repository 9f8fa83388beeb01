/** Something wrong with an expression. `at` is in UTF-16 units of the source; undefined when it is of the whole. */
export interface Issue {
  readonly at: number | undefined;
  readonly message: string;
}
const MOST = 100;
const LONGEST_LINE = 16_384;

/** Issues as cel-go prints them: each with its line and a mark below. Source: cel-go common/errors.go, common/error.go. */
export function showIssues(source: string, issues: readonly Issue[]): string {
  const lines = source.split('\n');
  const starts: number[] = [];
  let start = 0;
  for (const line of lines) {
    starts.push(start);
    start += line.length + 1;
  }
  const placed = issues.slice(0, MOST).map(({ at, message }) => {
    if (at === undefined) return { line: -1, column: -1, message };
    const line = lineOf(starts, at);
    const column = Array.from(lines[line]!.slice(0, at - starts[line]!)).length;
    return { line: line + 1, column, message };
  });
  placed.sort((a, b) => a.line - b.line || a.column - b.column);
  if (source === '') return placed.map(({ message }) => `ERROR: <input>:1:0: ${message}`).join('\n');
  const out = placed.map((one) => show(one, lines[one.line - 1]));
  if (issues.length > MOST) out.push(`${issues.length - MOST} more errors were truncated`);
  return out.join('\n');
}
function lineOf(starts: readonly number[], at: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]! <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}
const WIDE = { dot: '．', mark: '＾' };
function show(at: { line: number; column: number; message: string }, text: string | undefined): string {
  const head = `ERROR: <input>:${at.line}:${at.column + 1}: ${at.message}`;
  if (text === undefined || Buffer.byteLength(text) > LONGEST_LINE) return head;
  const shown = [...text.replaceAll('\t', ' ')];
  const isWide = (char: string | undefined): boolean => char !== undefined && char.codePointAt(0)! > 0x7f;
  const dots = shown.slice(0, at.column).map((char) => (isWide(char) ? WIDE.dot : '.'));
  const mark = isWide(shown[at.column]) ? WIDE.mark : '^';
  return `${head}\n | ${shown.join('')}\n | ${dots.join('')}${mark}`;
}
