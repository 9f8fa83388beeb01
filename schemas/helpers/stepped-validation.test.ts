import { describe, expect, it } from 'vitest';
import { fieldPath, invalid } from '../meta/field.ts';
import { steppedValidation, type SteppedErrors } from './stepped-validation.ts';

interface Thing {
  readonly bad: readonly string[];
}
const errorsOf = ({ bad }: Thing) => bad.map((value) => invalid(fieldPath('bad'), value, 'is wrong'));
const STEPS = 20;
/** Counts how often it is done. */
function validation() {
  const seen = { times: 0 };
  const made = steppedValidation<Thing>(function* (thing): SteppedErrors {
    seen.times++;
    for (let i = 0; i < STEPS; i++) yield undefined;
    yield* errorsOf(thing);
  });
  return { ...made, seen };
}

describe('validation in steps', () => {
  it('gives way after each of them, and tells then what it found', async () => {
    const { before, now, seen } = validation();
    const thing = { bad: ['x', 'y'] };
    let turns = 0;
    await before(thing, () => Promise.resolve(void turns++), undefined);
    expect(turns).toBe(STEPS);
    expect(now(thing, undefined)).toEqual(errorsOf(thing));
    expect(seen.times).toBe(1);
  });
  it('is done at once where nobody waits or it was not done before', () => {
    const { before, now, seen } = validation();
    const thing = { bad: ['x'] };
    expect(before(thing, () => undefined, undefined)).toBeUndefined();
    expect(now(thing, undefined)).toEqual(errorsOf(thing));
    expect(now(thing, undefined)).toEqual(errorsOf(thing));
    expect(seen.times).toBe(2);
  });
  it('is done again for another old object', async () => {
    const { before, now, seen } = validation();
    const thing = { bad: [] };
    await before(thing, () => Promise.resolve(), { bad: [] });
    expect(now(thing, undefined)).toEqual([]);
    expect(seen.times).toBe(2);
  });
});
