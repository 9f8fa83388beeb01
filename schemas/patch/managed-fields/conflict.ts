import { ApiError } from '../../meta/status.ts';
import type { Owner } from './entries.ts';
import { printedPaths, type FieldSet } from './field-set.ts';

export interface ManagerConflict {
  readonly owner: Owner;
  readonly paths: FieldSet;
}

/** The 409 that names each field and its owner. Source: apimachinery managedfields conflict.go. */
export function conflictError(conflicts: readonly ManagerConflict[], printedVersion?: string): ApiError {
  const found = conflicts
    .flatMap(({ owner, paths }) =>
      [...printedPaths(paths)].map((path) => ({
        by: printOwner(printedVersion === undefined ? owner : { ...owner, apiVersion: printedVersion }),
        key: sortKey(owner),
        path,
      })),
    )
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const causes = found.map(({ by, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${by}`,
    field: path,
  }));
  return new ApiError('Conflict', messageOf(found), { details: { causes } });
}
function messageOf(found: readonly { readonly by: string; readonly path: string }[]): string {
  const [first] = found;
  if (found.length === 1) return `Apply failed with 1 conflict: conflict with ${first!.by}: ${first!.path}`;
  const lines: string[] = [];
  let previous: string | undefined;
  for (const { by, path } of found) {
    if (by !== previous) lines.push(`conflicts with ${by}:`);
    previous = by;
    lines.push(`- ${path}`);
  }
  return `Apply failed with ${found.length} conflicts: ${lines.join('\n')}`;
}
const sortKey = (o: Owner): string => JSON.stringify([o.manager, o.operation, o.apiVersion, o.subresource]);
/** `"x"`, `"x" with subresource "scale"`, `"x" using v1`. */
function printOwner({ manager, operation, apiVersion, subresource }: Owner): string {
  const name = `${JSON.stringify(manager)}${subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`}`;
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}
