import fc from 'fast-check';
import { expect, it } from 'vitest';
import { subjectMatches } from '../subject-pattern.ts';
import { SubjectTree } from './subject-tree.ts';

const token = fc.constantFrom('a', 'b', 'c');
const subject = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([tokens, open]) => [...tokens, ...(open ? ['>'] : [])].join('.'));

it('finds those that NATS would, whatever was added and removed before', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(pattern, fc.boolean())), fc.array(subject), (patterns, subjects) => {
      const tree = new SubjectTree<number>();
      patterns.forEach(([one], i) => tree.add(one, i));
      patterns.forEach(([one, gone], i) => gone && tree.remove(one, i));
      for (const one of subjects) {
        const expected = patterns.flatMap(([of, gone], i) => (!gone && subjectMatches(of, one) ? [i] : []));
        expect(tree.match(one).sort((a, b) => a - b)).toEqual(expected);
      }
    }),
  );
});
it('removes what it does not hold in silence', () => {
  const tree = new SubjectTree<string>();
  tree.remove('a.*.>', 'x');
  tree.add('a', 'x');
  tree.remove('a', 'y');
  expect(tree.match('a')).toEqual(['x']);
});
