import { goStruct } from '../helpers/go-struct.ts';

const CONTEXT = 3;

/**
 * Two values as indented JSON of Go's structs, line by line, with three lines around each change: what some immutable
 * fields answer with. Source: apimachinery pkg/util/diff Diff.
 */
export function diffOfStructs(definition: string, old: unknown, object: unknown, only?: readonly string[]): string {
  const a = JSON.stringify(goStruct(old, definition, only), null, 1).split('\n');
  const b = JSON.stringify(goStruct(object, definition, only), null, 1).split('\n');
  return unified(a, b);
}
/** The hunks of a unified diff. */
function unified(a: readonly string[], b: readonly string[]): string {
  const length: number[][] = Array.from({ length: a.length + 1 }, () => Array.from({ length: b.length + 1 }, () => 0));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i]![j] = a[i] === b[j] ? length[i + 1]![j + 1]! + 1 : Math.max(length[i + 1]![j]!, length[i]![j + 1]!);
  const lines: { mark: ' ' | '-' | '+'; text: string; i: number; j: number }[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length;) {
    if (i < a.length && j < b.length && a[i] === b[j]) lines.push({ mark: ' ', text: a[i]!, i: i++, j: j++ });
    else if (i < a.length && (j >= b.length || length[i + 1]![j]! >= length[i]![j + 1]!))
      lines.push({ mark: '-', text: a[i]!, i: i++, j });
    else lines.push({ mark: '+', text: b[j]!, i, j: j++ });
  }
  const near = lines.map((_, n) => lines.slice(Math.max(0, n - CONTEXT), n + CONTEXT + 1).some((l) => l.mark !== ' '));
  let out = '';
  for (let n = 0; n < lines.length; n++) {
    if (!near[n]) continue;
    if (n === 0 || !near[n - 1]) {
      let end = n;
      while (end < lines.length && near[end]) end++;
      const hunk = lines.slice(n, end);
      const olds = hunk.filter((l) => l.mark !== '+').length;
      const news = hunk.filter((l) => l.mark !== '-').length;
      out += `@@ -${lines[n]!.i + 1},${olds} +${lines[n]!.j + 1},${news} @@\n`;
    }
    out += `${lines[n]!.mark}${lines[n]!.text}\n`;
  }
  return out;
}
