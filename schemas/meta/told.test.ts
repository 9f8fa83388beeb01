import { describe, expect, it } from 'vitest';
import { fieldPath, invalid, type FieldError } from './field.ts';
import { Told } from './told.ts';

const error = (i: number, text = ''): FieldError => invalid(fieldPath('spec').key(`${i}`), text, 'is wrong');

describe('errors told of one object', () => {
  it('are all of them', () => {
    const all = Array.from({ length: 5000 }, (_, i) => error(i));
    const told = new Told();
    told.addAll(all.slice(0, 10));
    told.addAll(all.slice(10));
    expect(told.errors).toEqual(all);
  });
  it('are no more than can be read, and nothing more is looked for then', () => {
    let made = 0;
    function* endless(): Generator<FieldError, void, undefined> {
      for (;;) yield error(made++, 'x'.repeat(1000));
    }
    const told = new Told();
    told.addAll(endless());
    const looked = made;
    told.addAll(endless());
    expect(looked).toBeLessThan(1200);
    expect(made).toBeLessThanOrEqual(looked + 1);
    expect(told.errors).toHaveLength(looked + 1);
    expect(told.errors.at(-1)!.message).toContain('there are more errors than can be told');
  });
  it('are at least one, however long', () => {
    const told = new Told();
    const long = error(0, 'x'.repeat(3_000_000));
    told.addAll([long, error(1)]);
    expect(told.errors).toEqual([long, expect.objectContaining({ field: '<nil>' })]);
  });
});
