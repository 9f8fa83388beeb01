import { beforeAll, describe, expect, it } from 'vitest';
import type { Writer } from './define.ts';
import { fieldPath } from './meta/field.ts';
import { apiVersionOf, type DynamicObject } from './meta/object.ts';
import { statusOf } from './meta/status.ts';
import { toStorage } from './convert.ts';
import { builtinSchemas, createRegistry } from './registry.ts';
import type { Resource } from './resource.ts';
import { decode } from './structural/decode.ts';
import { mutilated } from './testing/every-field.ts';
import { loadAllExpressions } from './testing/load-expressions.ts';

beforeAll(loadAllExpressions);

const NOW = '2020-01-02T03:04:05Z';
const WRITER: Writer = { name: 'u', groups: [] };
/** What is written behind the API server's own back: no client sends such objects. */
const written = createRegistry().all().filter((r) => r.verbs.has('create') || r.verbs.has('update')); // prettier-ignore
const seen = new Set<string>();

function read(resource: Resource, body: unknown): DynamicObject | undefined {
  try {
    const { object } = decode(body, resource.schema, builtinSchemas, { kind: resource.kind });
    const draft = toStorage(resource, {
      ...object,
      kind: resource.kind,
      apiVersion: apiVersionOf(resource),
    }) as DynamicObject;
    draft.metadata ??= {};
    return (resource.definition.defaults?.(draft) ?? draft) as DynamicObject;
  } catch (error) {
    // Not every value is one that a field takes.
    if (statusOf(error) === undefined) throw error;
    return undefined;
  }
}
/** All that a kind does with an object that a client sent: as a new one, and in the place of `old`. */
function write({ definition }: Resource, draft: () => DynamicObject | undefined, old: DynamicObject): void {
  const [made, changed, status] = [draft(), draft(), draft()];
  if (made === undefined || changed === undefined || status === undefined) return;
  const at = fieldPath();
  const count = (errors: Iterable<unknown> | undefined): number => (errors ? [...errors].length : 0);
  const fresh = definition.prepareForCreate?.(made, WRITER, NOW) ?? made;
  definition.earlyWarnings?.(fresh);
  if (count(definition.validate?.(fresh, at)) === 0) {
    definition.warnings?.(fresh, undefined);
    definition.cells?.(fresh, 0);
    for (const select of Object.values(definition.selectableFields ?? {})) select(fresh);
  }
  const next = definition.prepareForUpdate?.(changed, structuredClone(old)) ?? changed;
  const wrong = count(definition.validate?.(next, at, old)) + count(definition.validateUpdate?.(next, old, at));
  if (wrong === 0) definition.warnings?.(next, old);
  const told = definition.prepareForStatusUpdate?.(status, structuredClone(old), NOW, 'status') ?? status;
  if (count(definition.validateStatusUpdate?.(told, old, at)) === 0) definition.statusWarnings?.(told, old);
  for (const door of Object.values(definition.doors ?? {})) {
    const sent = draft();
    if (sent) count(door.validate?.(door.prepare(sent, structuredClone(old)), old, at, false));
  }
}

describe('an object that lacks anything, or has null anywhere,', () => {
  it.each(written.map((r) => [`${apiVersionOf(r)} ${r.kind}`, r] as const))(
    'is judged, as %s',
    (_, resource) => {
      const crashes: string[] = [];
      for (const { whole, object, what } of mutilated(resource.schema, seen))
      try {
        const old = read(resource, whole) ?? read(resource, {})!;
        write(resource, () => read(resource, object), old);
      } catch (error) {
        if (statusOf(error) === undefined) crashes.push(`${what}: ${String((error as Error).stack?.split('\n').slice(0, 3).join(' | '))}`);
      } // prettier-ignore
      expect(crashes).toEqual([]);
    },
    120_000,
  );
});
