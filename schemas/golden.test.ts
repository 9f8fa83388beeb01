import { beforeAll, expect, it } from 'vitest';
import { toStorage } from './convert.ts';
import type { DynamicObject } from './meta/object.ts';
import { oracleIsPresent, scenario, targetOf } from './testing/golden.ts';
import { replay, type Outcome } from './testing/replay.ts';
import { loadAllExpressions } from './testing/load-expressions.ts';

beforeAll(loadAllExpressions);

const SCENARIOS = ['kinds-core-1', 'kinds-core-2', 'kinds-apps', 'kinds-batch', 'pods', 'immutable-fields', 'field-validation', 'services', 'cross-version', 'storage-objects', 'quota', 'namespaces', 'crud-concurrency', 'patch-strategic', 'patch-merge', 'patch-json', 'selectors', 'workload-status', 'subresources']; // prettier-ignore
const VERBOSE = process.env['GOLDEN'];

const show = (o: Outcome): string =>
  VERBOSE ? `--- ${o.step}\n  expected ${o.expected.slice(0, 1500)}\n  actual   ${o.actual.slice(0, 1500)}` : o.step;
it.skipIf(!oracleIsPresent)('writes answer as the recorded API server did (skipped without ../shared/oracle)', () => {
  const outcomes = SCENARIOS.flatMap(replay);
  const failures = outcomes.filter((o) => !o.matches);
  const matched = outcomes.length - failures.length;
  console.log(`${failures.map(show).join('\n')}\n${matched} of ${outcomes.length} recorded writes match`);
  expect(matched / outcomes.length).toBeGreaterThan(0.9);
});

it.skipIf(!oracleIsPresent)('rows of tables and warnings are as recorded (skipped without ../shared/oracle)', () => {
  const problems: string[] = [];
  let seen = 0;
  for (const name of SCENARIOS) {
    const { steps, recorded } = scenario(name);
    const objects = new Map<string, DynamicObject>();
    for (const step of steps) {
      const target = targetOf(step.path);
      const golden = recorded.get(step.name);
      if (target === undefined || golden === undefined || golden.status > 201 || step.keep !== undefined) continue;
      const { definition } = target.resource;
      const body = golden.body as DynamicObject;
      if (body.kind === target.resource.kind)
        objects.set(`${target.resource.group}/${body.kind}/${body.metadata.name}`, body);
      const rows = tableRows(golden.body);
      if (rows !== undefined) {
        for (const { cells, object } of rows) {
          // Changed in between through the other version.
          if (name === 'cross-version' && target.resource.kind === 'HorizontalPodAutoscaler') continue;
          const whole = objects.get(`${target.resource.group}/${target.resource.kind}/${object?.metadata.name}`);
          if (whole === undefined || whole.metadata.resourceVersion !== object?.metadata.resourceVersion) continue;
          seen++;
          const actual = definition.cells?.(toStorage(target.resource, whole), Date.parse('2020-01-02T00:00:00Z'));
          if (actual && !sameCells(actual, cells))
            problems.push(
              `${name}: ${step.name}\n  expected ${JSON.stringify(cells)}\n  actual   ${JSON.stringify(actual)}`,
            );
        }
      } else if (
        step.method === 'POST' &&
        golden.status === 201 &&
        target.subresource === '' &&
        typeof step.body === 'object'
      ) {
        const expected = [golden.headers.warning ?? []]
          .flat()
          .map((w) => JSON.parse(w.replace(/^299 - /, '')) as string)
          .filter((w) => !/^unknown field|^duplicate field|would violate/.test(w));
        const actual = definition.warnings?.(golden.body as DynamicObject, undefined) ?? [];
        seen++;
        if (JSON.stringify(actual) !== JSON.stringify(expected))
          problems.push(
            `${name}: ${step.name}\n  expected ${JSON.stringify(expected)}\n  actual   ${JSON.stringify(actual)}`,
          );
      }
    }
  }
  expect(problems).toEqual([]);
  expect(seen).toBeGreaterThan(50);
});
interface Row {
  readonly cells: readonly unknown[];
  readonly object?: DynamicObject;
}
const tableRows = (body: unknown): readonly Row[] | undefined =>
  (body as { kind?: string })?.kind === 'Table' ? ((body as { rows?: Row[] | null }).rows ?? []) : undefined;
/** Ages are labels in the record. */
const sameCells = (actual: readonly unknown[], expected: readonly unknown[]): boolean =>
  actual.length === expected.length &&
  expected.every(
    (cell, i) =>
      cell === '$age' || cell === '$time' || cell === actual[i] || (typeof cell === 'string' && cell.startsWith('$')),
  );
