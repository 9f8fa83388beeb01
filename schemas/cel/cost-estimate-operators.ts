import type { CallEstimate } from './cost-estimate-sizes.ts';
import { ONE, PATTERN, plus, scaled, TEXT, times, union, ZERO, type Range } from './estimates.ts';

export const ADDING: ReadonlySet<string> = new Set(['add_string', 'add_bytes', 'add_list']);
const COMPARING = new Set(
  'less greater less_equals greater_equals'
    .split(' ')
    .flatMap((name) => [`${name}_string`, `${name}_bytes`])
    .concat('equals', 'not_equals'),
);
/** What an operator or function of the language costs, by the sizes of its arguments and what each of them costs. Source: cel-go checker/cost.go functionCost. */
export function operatorEstimate(
  id: string,
  targetSize: Range,
  sizes: readonly Range[],
  costs: readonly Range[],
): CallEstimate {
  const ofArgs = costs.reduce(plus, ZERO);
  const [first, second] = sizes as [Range, Range];
  switch (id) {
    case 'string_format':
      return { cost: plus(scaled(targetSize, TEXT), ofArgs) };
    case 'string_to_bytes':
      return {
        cost: plus(scaled(first, TEXT), ofArgs),
        size: { min: first.min, max: BigInt.asUintN(64, first.max * 4n) },
      };
    case 'bytes_to_string':
      return { cost: plus(scaled(first, TEXT), ofArgs), size: { min: first.min / 4n, max: first.max } };
    case 'strings_quote':
      return {
        cost: plus(scaled(first, TEXT), ofArgs),
        size: { min: first.min + 2n, max: BigInt.asUintN(64, first.max * 2n + 2n) },
      };
    case 'starts_with_string':
    case 'ends_with_string':
      return { cost: plus(scaled(first, TEXT), ofArgs) };
    case 'in_list':
      return { cost: plus(scaled(second, 1), ofArgs) };
    case 'matches_string':
      return { cost: plus(times(scaled(plus(targetSize, ONE), TEXT), scaled(first, PATTERN)), ofArgs) };
    case 'contains_string':
      return { cost: plus(times(scaled(targetSize, TEXT), scaled(first, TEXT)), ofArgs) };
    case 'logical_or':
    case 'logical_and':
      return { cost: { min: costs[0]!.min, max: plus(costs[0]!, costs[1]!).max } };
    case 'conditional':
      return { cost: plus(costs[0]!, union(costs[1]!, costs[2]!)), size: union(second, sizes[2]!) };
    case 'add_string':
    case 'add_bytes':
    case 'add_list': {
      const size = plus(first, second);
      return { cost: plus(id === 'add_list' ? ONE : scaled(size, TEXT), ofArgs), size };
    }
    default: {
      if (!COMPARING.has(id)) return { cost: plus(ONE, ofArgs) };
      const most = first.max < second.max ? first.max : second.max;
      return { cost: plus(scaled({ min: most > 0n ? 1n : 0n, max: most }, TEXT), ofArgs) };
    }
  }
}
