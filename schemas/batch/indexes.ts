/** What is wrong with a list of indexes such as `0,2-5`, and how many it names. Source: validateIndexesFormat. */
export function indexesProblem(text: string, completions: number): { total: number; problem?: string } {
  let total = 0;
  let last: number | undefined;
  if (text === '') return { total };
  for (const part of text.split(',')) {
    const interval = parseInterval(part, completions);
    if (typeof interval === 'string') return { total: 0, problem: interval };
    const [from, to] = interval;
    if (last !== undefined && last >= from)
      return { total: 0, problem: `non-increasing order, previous: ${last}, current: ${from}` };
    total += to - from + 1;
    last = to;
  }
  return { total };
}
/** Both ends, or what is wrong. */
function parseInterval(text: string, completions: number): readonly [number, number] | string {
  const limits = text.split('-');
  if (limits.length > 2)
    return `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  const ends: number[] = [];
  for (const limit of limits) {
    if (!/^[+-]?\d+$/.test(limit)) return `cannot convert string to integer for index: ${JSON.stringify(limit)}`;
    if (Number(limit) >= completions) return `too large index: ${JSON.stringify(limit)}`;
    ends.push(Number(limit));
  }
  const [from, to = from] = ends as [number, number?];
  if (ends.length === 2 && from >= to) return `non-increasing order, previous: ${from}, current: ${to}`;
  return [from, to];
}
/** The first index that both name; unreadable parts are left out. Source: validateFailedIndexesNotOverlapCompleted. */
export function overlap(completed: string, failed: string, completions: number): number | undefined {
  const read = (text: string): (readonly [number, number])[] =>
    text === '' ? [] : text.split(',').map((p) => parseInterval(p, completions)).filter((i) => typeof i !== 'string'); // prettier-ignore
  for (const [from, to] of read(completed))
    for (const [start, end] of read(failed)) if (from <= end && start <= to) return Math.max(from, start);
  return undefined;
}
