import { expect, it } from 'vitest';
import { toStorage } from './convert.ts';
import type { DynamicObject } from './meta/object.ts';
import { comparable, create, oracleIsPresent, scenario, targetOf, update } from './testing/golden.ts';

const SCENARIOS = ['kinds-core-1', 'kinds-core-2', 'kinds-apps', 'kinds-batch', 'pods', 'immutable-fields', 'field-validation', 'services', 'cross-version', 'storage-objects', 'quota']; // prettier-ignore
/** Answers of allocators, which are not the schemas'. */
const ALLOCATED = /chosen twice|out of range|network address|dual stack required|wrong family/;
const VERBOSE = process.env['GOLDEN'];

it.skipIf(!oracleIsPresent)('writes answer as the recorded API server did (skipped without ../shared/oracle)', () => {
  const report: string[] = [];
  let matched = 0;
  let all = 0;
  for (const name of SCENARIOS) {
    const { steps, recorded } = scenario(name);
    const store = new Map<string, DynamicObject>();
    let own = 0;
    let ownMatched = 0;
    for (const step of steps) {
      const target = targetOf(step.path);
      const isWrite =
        (step.method === 'POST' || step.method === 'PUT') && step.body !== undefined && step.as === undefined;
      if (!isWrite || target === undefined || target.subresource !== '' || JSON.stringify(step.body).includes('$times'))
        continue;
      const body: unknown = typeof step.body === 'string' && !step.body.startsWith('{') ? undefined : step.body;
      if (
        body === undefined ||
        JSON.stringify(body).includes('${') ||
        (name === 'services' && ALLOCATED.test(step.name))
      )
        continue;
      const strict = step.path.includes('fieldValidation=Strict');
      const key = (o: { metadata: { name?: string | undefined } }): string =>
        `${target.resource.resource}/${target.namespace}/${o.metadata.name}`;
      const old = step.method === 'PUT' ? store.get(key(body as DynamicObject)) : undefined;
      if (step.method === 'PUT' && old === undefined) continue;
      const answer = old ? update(target, body, old, strict) : create(target, body, strict);
      const dry = step.path.includes('dryRun');
      if ((answer as { kind: string }).kind !== 'Status' && !dry)
        store.set(key(answer as DynamicObject), answer as DynamicObject);
      const golden = recorded.get(step.name);
      if (
        golden === undefined ||
        (golden.status !== 201 && golden.status !== 200 && golden.status !== 422 && golden.status !== 400)
      )
        continue;
      own++;
      const expected = JSON.stringify(comparable(golden.body, body));
      const actual = JSON.stringify(comparable(answer, body));
      if (expected === actual || sameKeys(expected, actual)) ownMatched++;
      else if (VERBOSE === '1' || VERBOSE === name)
        report.push(
          `--- ${name}: ${step.name}\n  expected ${expected.slice(0, 1500)}\n  actual   ${actual.slice(0, 1500)}`,
        );
      else report.push(`${name}: ${step.name}`);
    }
    report.push(`${name}: ${ownMatched}/${own}`);
    matched += ownMatched;
    all += own;
  }
  console.log(`${report.join('\n')}\n${matched} of ${all} recorded writes match`);
  expect(matched / all).toBeGreaterThan(0.9);
});
/** Order of keys apart. */
function sameKeys(a: string, b: string): boolean {
  const sort = (v: unknown): unknown =>
    Array.isArray(v) ? v.map(sort) : typeof v === 'object' && v !== null ? Object.fromEntries(Object.entries(v).sort().map(([k, x]) => [k, sort(x)])) : v; // prettier-ignore
  return JSON.stringify(sort(JSON.parse(a))) === JSON.stringify(sort(JSON.parse(b)));
}

it.skipIf(!oracleIsPresent)('rows of tables and warnings are as recorded (skipped without ../shared/oracle)', () => {
  const problems: string[] = [];
  let seen = 0;
  for (const name of SCENARIOS) {
    const { steps, recorded } = scenario(name);
    const objects = new Map<string, DynamicObject>();
    for (const step of steps) {
      const target = targetOf(step.path);
      const golden = recorded.get(step.name);
      if (target === undefined || golden === undefined || golden.status > 201) continue;
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
          const actual = definition.cells?.(
            toStorage(target.resource, whole) as DynamicObject,
            Date.parse('2020-01-02T00:00:00Z'),
          );
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
