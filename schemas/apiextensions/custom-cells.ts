import type { Cell } from '../define.ts';
import type { CustomResourceColumnDefinition } from '../generated/apiextensions-v1.ts';
import { parseJsonPath } from '../helpers/json-path.ts';
import type { KubeObject } from '../meta/object.ts';
import { humanDuration, parseTime } from '../meta/time.ts';
import type { Column } from '../resource.ts';

/** Described as name and creation are of every kind. */
const NAME: Column = { name: 'Name', type: 'string', format: 'name', priority: 0 };
const AGE: CustomResourceColumnDefinition = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

/** Columns and cells that a definition asks for; without any, name and age. Source: apiextensions-apiserver customresource/tableconvertor. */
export function customTable(asked: readonly CustomResourceColumnDefinition[] | undefined): {
  readonly columns: readonly Column[];
  readonly cells: (object: KubeObject, now: number) => readonly Cell[];
} {
  const list = asked && asked.length > 0 ? asked : [AGE];
  const paths = list.map((column) => ({ type: column.type, path: parseJsonPath(column.jsonPath) }));
  return {
    columns: [
      NAME,
      ...list.map((c) => ({
        name: c.name, type: c.type, format: c.format ?? '', priority: c.priority ?? 0,
        ...(c !== AGE && { description: c.description || `Custom resource definition column (in JSONPath format): ${c.jsonPath}` }),
      })),
    ],
    cells: (object, now) => [object.metadata.name ?? '', ...paths.map(({ type, path }) => cell(path?.(object)[0], type, now))],
  };
} // prettier-ignore
function cell(value: unknown, type: string, now: number): Cell {
  if (value === undefined || (value === null && type !== 'string')) return null;
  switch (type) {
    case 'string':
      return typeof value === 'string'
        ? value
        : value === null
          ? '<nil>'
          : typeof value === 'object'
            ? JSON.stringify(value)
            : String(value);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date': {
      if (typeof value !== 'string') return null;
      if (value === '' || value === 'null') return '<unknown>';
      const at = parseTime(value);
      return at === undefined ? '<invalid>' : humanDuration(now - at);
    }
    default:
      return null;
  }
}
