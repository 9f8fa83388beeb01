import { describe, expect, it } from 'vitest';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { Ledger } from './ledger.ts';

const pod = (uid: string, cpu: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: uid, uid },
  spec: { containers: [{ name: 'main', resources: { requests: { cpu } } }] },
});

describe('what a pod gives back', () => {
  it('is room again, and those that wait look, once each and none that ends itself', () => {
    const ledger = new Ledger();
    for (const uid of ['a', 'b', 'c']) ledger.add(pod(uid, '500m'));
    const looks: string[] = [];
    for (const uid of ['a', 'b'])
      ledger.waiting.set(uid, () => {
        looks.push(uid);
        // One that still waits says so again.
        if (uid === 'b') ledger.waiting.set('b', () => looks.push('b again'));
        else ledger.waiting.delete('a');
      });
    ledger.give('c');
    expect(looks).toEqual(['a', 'b']);
    expect(ledger.used.get('cpu')).toBe(1000);
    ledger.give('b');
    expect(looks).toEqual(['a', 'b']);
    expect(ledger.pods).toBe(1);
  });
  it('twice is given once', () => {
    const ledger = new Ledger();
    ledger.add(pod('a', '500m'));
    for (let i = 0; i < 2; i++) ledger.give('a');
    expect(ledger.used.get('cpu')).toBe(0);
  });
});
