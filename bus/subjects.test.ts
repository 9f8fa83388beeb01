import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { subjectMatches } from './subject-pattern.ts';
import * as subjects from './subjects.ts';

const token = fc.string({ unit: 'grapheme', maxLength: 20 });
/** What NATS takes for one token, and what anybody can read and type. */
const LEGAL = /^[A-Za-z0-9_=-]+$/;

describe('subjects', () => {
  it('escape any text to one legal token, reversibly', () => {
    fc.assert(
      fc.property(token, (text) => {
        fc.pre(text.isWellFormed());
        expect(subjects.escapeToken(text)).toMatch(LEGAL);
        expect(subjects.unescapeToken(subjects.escapeToken(text))).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });
  it('give different texts different tokens', () => {
    const texts = ['', '_', '__', '=5F', '_=5F', 'a.b', 'a=2Eb', 'a_b', '-', '*', '>', ' ', 'a b', 'é', '=C3=A9'];
    expect(new Set(texts.map(subjects.escapeToken)).size).toBe(texts.length);
    for (const text of texts) expect(subjects.unescapeToken(subjects.escapeToken(text))).toBe(text);
  });
  it.each([
    ['web-1', 'web-1'],
    ['', '_'],
    ['controller:replicaset', 'controller=3Areplicaset'],
    ['kube-root-ca.crt', 'kube-root-ca=2Ecrt'],
    ['pods/status', 'pods=2Fstatus'],
  ])('write %j as %s', (text, expected) => {
    expect(subjects.escapeToken(text)).toBe(expected);
  });
  it('carry an API address there and back, under the pattern of its caller', () => {
    fc.assert(
      fc.property(fc.tuple(token, token, token, token, token, token, token), (parts) => {
        fc.pre(parts.every((p) => p.isWellFormed()));
        const [caller, verb, group, version, resource, namespace, name] = parts;
        const address = { caller, verb, group, version, resource, namespace, name };
        const subject = subjects.api(address);
        expect(subjects.parseApi(subject)).toEqual(address);
        expect(subjectMatches(subjects.apiOf(caller), subject)).toBe(caller !== '*' || subject.includes('=2A'));
        expect(subjectMatches(subjects.apiOf('*'), subject)).toBe(true);
        expect(subjectMatches(subjects.apiOf(`${caller}x`), subject)).toBe(false);
      }),
    );
  });
  it('carry a key there and back', () => {
    for (const key of ['/registry/pods/default/web', '/registry/clusterroles/system:node', '/registry/x/a.b/c_d/_'])
      expect(subjects.keyOfEvent(subjects.event(key))).toBe(key);
  });
  it('carry who is present', () => {
    expect(subjects.parsePresence(subjects.presence('controller:job', 'x.y'))).toEqual({
      component: 'controller:job',
      id: 'x.y',
    });
  });
  it.each(['', 'a', 'a.', '.b', 'a.b.c', 'a.>', '*.b', 'a b.c', 'a.b\r\n'])('do not take %j for an address', (text) => {
    expect(subjects.isAddress(text)).toBe(false);
  });
});
