import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { JSONSchemaProps, ValidationRule } from '../generated/apiextensions-v1.ts';
import { fieldPath, type FieldError } from '../meta/field.ts';
import type { KubeObject } from '../meta/object.ts';
import { builtinSchemas, createRegistry } from '../registry.ts';
import { ruleErrors } from '../apiextensions/rule-checks.ts';
import { deviceExpression } from '../resource/device-expressions.ts';
import { applyDefaults } from '../structural/default.ts';
import { decode } from '../structural/decode.ts';
import { loadAllExpressions } from '../testing/load-expressions.ts';

/** What kube-apiserver v1.36 answered, dry run, to kinds that carry expressions: the causes of its refusal, none if it took them. */
const golden = <T>(file: string): T =>
  JSON.parse(readFileSync(new URL(`../${file}.golden.json`, import.meta.url), 'utf8')) as T;
const told = (errors: Iterable<FieldError>): string[] => [...errors].map((e) => `${e.field}: ${e.message}`);
const { lookup } = createRegistry();
beforeAll(loadAllExpressions);

describe('expressions about requests', () => {
  const group = 'admissionregistration.k8s.io';
  const rows = golden<readonly (readonly [string, object, readonly string[]])[]>('admissionregistration/expressions');
  it.each(rows)('%s %j', (resource, body, causes) => {
    const r = lookup({ group, version: 'v1', resource })!;
    const metadata = { name: resource.endsWith('configurations') ? 'p' : 'p.ex.io' };
    const sent = {
      apiVersion: `${group}/v1`,
      kind: r.kind,
      metadata,
      [Array.isArray(body) ? 'webhooks' : 'spec']: body,
    };
    const read = decode(sent, r.schema, builtinSchemas).object as KubeObject;
    const draft = applyDefaults(r.definition.defaults?.(read) ?? read, r.schema, builtinSchemas);
    expect(told(r.definition.validate!(draft, fieldPath()))).toEqual(causes);
  });
});
describe('selectors of devices', () => {
  const rows = golden<readonly (readonly [string, readonly string[]])[]>('resource/device-expressions');
  it.each(rows)('%s', (expression, causes) => {
    const at = fieldPath('spec')('selectors')(0)('cel')('expression');
    expect(told(deviceExpression(expression, at))).toEqual(causes);
  });
});
describe('rules of custom kinds', () => {
  type Row = readonly [path: readonly string[], rules: readonly ValidationRule[], causes: readonly string[]];
  const { schema, rows } = golden<{ schema: JSONSchemaProps; rows: readonly Row[] }>('apiextensions/rule-checks');
  const ofRules = (cause: string): boolean =>
    !/rule is not specified|must be non-empty|must not contain line/.test(cause);
  it.each(rows.filter(([, , causes]) => causes.every(ofRules)))('%j %j', (path, rules, causes) => {
    const whole = structuredClone(schema);
    let place = whole as Record<string, unknown>;
    for (const step of path) place = place[step] as Record<string, unknown>;
    place['x-kubernetes-validations'] = rules;
    const at = fieldPath('spec')('validation')('openAPIV3Schema');
    const errors = ruleErrors(whole, at, { isBroken: () => false, isUnchanged: false });
    expect(told(errors.filter((error) => error !== undefined))).toEqual(causes);
  });
});
