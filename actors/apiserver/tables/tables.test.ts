import { describe, expect, it } from 'vitest';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { createRegistry } from '../../../schemas/registry.ts';
import type { Resource } from '../../../schemas/resource.ts';
import { createTableRenderer } from './index.ts';

const registry = createRegistry();
const now = Date.UTC(2026, 0, 1, 0, 5);
const object = (more: object = {}): DynamicObject => ({
  kind: 'X',
  apiVersion: 'v1',
  metadata: { name: 'a', creationTimestamp: '2026-01-01T00:00:00Z' },
  ...more,
});
const plain = (columns: Resource['columns']): Resource => ({
  ...registry.lookup({ group: '', version: 'v1', resource: 'limitranges' })!,
  columns,
  definition: { group: '', version: 'v1', resource: 'x' },
});
const column = (name: string) => ({ name, type: 'string', format: '', priority: 0 });

describe('tables', () => {
  it('show name and creation of kinds that say nothing', () => {
    const t = createTableRenderer();
    const resource = plain([]);
    expect(t.columns(resource)).toMatchObject([
      { name: 'Name', format: 'name' },
      { name: 'Created At', type: 'date' },
    ]);
    expect(t.cells(resource, object(), now)).toEqual(['a', '2026-01-01T00:00:00Z']);
  });
  it('say of every column of every builtin kind what it shows', async () => {
    const t = createTableRenderer();
    await t.ready();
    const told = (resource: Resource) => (t.columns(resource) as { description: string }[]).map((c) => c.description);
    for (const resource of registry.all()) {
      if (!resource.verbs.has('list')) continue;
      const [first, ...others] = told(resource);
      expect(first?.length).toBeGreaterThan(50);
      // The one column of which the real server says nothing: `Handler`.
      expect(others.includes('')).toBe(resource.resource === 'runtimeclasses');
    }
    expect(told(plain([]))[1]).toMatch(/^CreationTimestamp is/);
  });
  it('show the age as kubectl does', () => {
    const t = createTableRenderer();
    const resource = plain([column('Name'), column('Age'), column('Other')]);
    expect(t.cells(resource, object(), now)).toEqual(['a', '5m', null]);
    expect(t.cells(resource, object({ metadata: { name: 'a' } }), now)).toEqual(['a', '<unknown>', null]);
  });
  it('have as many cells as columns for every kind', () => {
    const t = createTableRenderer();
    for (const resource of registry.all()) {
      // The real server gives an IPAddress an age that no column announces.
      if (!resource.verbs.has('list') || resource.resource === 'ipaddresses') continue;
      const bare = { ...object(), apiVersion: resource.version, kind: resource.kind, spec: {}, status: {} };
      let cells: readonly unknown[] | undefined;
      try {
        cells = t.cells(resource, bare, now);
      } catch {
        continue; // Not every kind can be shown without the fields that it must have.
      }
      expect([resource.resource, cells.length]).toEqual([resource.resource, t.columns(resource).length]);
    }
  });
});
