import { goQuote } from '../meta/go-quote.ts';
import type { Plan } from './plan.ts';

/** Fields that the schema does not have, in the order of the document, as the strict decoder words them. */
export function unknownFields(value: unknown, plan: Plan, path = ''): string[] {
  const out: string[] = [];
  walk(value, plan, path, out);
  return out;
}
function walk(value: unknown, plan: Plan, path: string, out: string[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (plan.kind === 'list') {
    if (Array.isArray(value)) value.forEach((item, i) => walk(item, plan.items, `${path}[${i}]`, out));
    return;
  }
  if (plan.kind !== 'struct' && plan.kind !== 'map') return;
  for (const [key, item] of Object.entries(value)) {
    const at = path === '' ? key : `${path}.${key}`;
    if (plan.kind === 'map') walk(item, plan.values, at, out);
    else {
      const field = plan.byName.get(key);
      if (field === undefined) out.push(`unknown field ${goQuote(at)}`);
      else walk(item, field.plan, at, out);
    }
  }
}
