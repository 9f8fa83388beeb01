/**
 * `createTableRenderer()`: columns and cells of `kubectl get` for every kind. A kind says its cells in its
 * definition; one that does not shows what its columns' names promise, name and age at least.
 */
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { humanDuration, parseTime } from '../../../schemas/meta/time.ts';
import type { Column, Resource } from '../../../schemas/resource.ts';
import type { TableRenderer } from '../request.ts';
import { readDescriptions, type DescribeColumn } from './descriptions.ts';

const DEFAULT_COLUMNS: readonly Column[] = [
  { name: 'Name', type: 'string', format: 'name', priority: 0 },
  { name: 'Created At', type: 'date', format: '', priority: 0 },
];
/** `<unknown>` for an object without a creation time. */
export function age(object: DynamicObject, now: number): string {
  const at = object.metadata.creationTimestamp;
  const since = at ? parseTime(at) : undefined;
  return since === undefined ? '<unknown>' : humanDuration(now - since);
}
function cellOf(column: Column, object: DynamicObject, now: number): unknown {
  switch (column.name) {
    case 'Name':
      return object.metadata.name ?? '';
    case 'Age':
      return age(object, now);
    case 'Created At':
      return object.metadata.creationTimestamp ?? null;
    default:
      return null;
  }
}
const columnsOf = (resource: Resource): readonly Column[] =>
  resource.columns.length > 0 ? resource.columns : DEFAULT_COLUMNS;

export function createTableRenderer(): TableRenderer {
  const definitions = new WeakMap<Resource, readonly object[]>();
  let describe: DescribeColumn | undefined;
  return {
    ready: () =>
      describe === undefined
        ? readDescriptions().then((read) => {
            describe = read;
          })
        : undefined,
    columns(resource) {
      let known = definitions.get(resource);
      if (known === undefined) {
        known = columnsOf(resource).map(({ name, type, format, description, priority }, i) => ({
          name,
          type,
          format,
          description: description ?? describe?.(resource, i) ?? '',
          priority,
        }));
        definitions.set(resource, known);
      }
      return known;
    },
    cells(resource, object, now) {
      const own = resource.definition.cells;
      return own !== undefined ? own(object, now) : columnsOf(resource).map((column) => cellOf(column, object, now));
    },
  };
}
