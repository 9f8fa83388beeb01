import type { Resource } from '../../../schemas/resource.ts';
import { apiVersionOf } from '../../../schemas/meta/object.ts';

interface Facts {
  readonly texts: readonly string[];
  readonly columns: Readonly<Record<string, readonly number[]>>;
}
/** What is said of the column of that number. */
export type DescribeColumn = (resource: Resource, index: number) => string;

/**
 * Reads what the real server says of its columns; none but those who want tables need it. What has no columns of its own
 * is described as name and creation are. Source: `SwaggerDoc()` of the fields, as kubernetes pkg/printers takes it.
 */
export async function readDescriptions(): Promise<DescribeColumn> {
  const { default: facts } = (await import('../../../schemas/facts/column-descriptions.json', {
    with: { type: 'json' },
  })) as unknown as { default: Facts };
  return (resource, index) => {
    const numbers = facts.columns[`${apiVersionOf(resource)} ${resource.resource}`] ?? facts.columns['']!;
    return facts.texts[numbers[index] ?? -1] ?? '';
  };
}
