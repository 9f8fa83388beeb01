import { describe, expect, it } from 'vitest';
import type { Ingress } from '../../schemas/generated/networking-v1.ts';
import { missingClass, reconcile, type Observed } from './reconcile.ts';
import { DEFAULT_CLASS } from './routing/classes.ts';
import { ingress, ingressClass } from './testing/objects.ts';

const address = [{ ip: '127.0.0.1', ports: [{ port: 8080, protocol: 'TCP' as const }] }];
const told = (one: Ingress, to: typeof address): Ingress => ({ ...one, status: { loadBalancer: { ingress: to } } });
const plain = ingress('i', {});
const seen = { isOurs: true, isNews: false, address, problems: [] };
const outcome = (o: Partial<Observed>): string[] =>
  reconcile({ ingress: plain, ...seen, ...o }).intents.map((intent) =>
    intent.op === 'event'
      ? `${intent.type} ${intent.reason}`
      : intent.op === 'patch'
        ? JSON.stringify(intent.patch)
        : '?',
  );
const patch = (ingress: unknown): string => JSON.stringify({ status: { loadBalancer: { ingress } } });

describe('what the leader writes about an Ingress', () => {
  it.each<[string, Partial<Observed>, string[]]>([
    ['new', { isNews: true }, ['Normal Sync', patch(address)]],
    ['told already', { ingress: told(plain, address) }, []],
    ['told otherwise', { ingress: told(plain, [{ ip: '10.0.0.1', ports: [] }]) }, [patch(address)]],
    ['with a broken certificate', { ingress: told(plain, address), problems: [{ reason: 'InvalidCertificate', message: 'x' }] }, ['Warning InvalidCertificate']],
    ['of another controller', { isOurs: false, isNews: true, problems: [{ reason: 'MissingSecret', message: 'x' }] }, []],
    ['given to another controller', { ingress: told(plain, address), isOurs: false }, [patch(null)]],
    ['of another controller that has told where', { ingress: told(plain, [{ ip: '10.0.0.1', ports: [] }]), isOurs: false }, []],
    ['being deleted', { ingress: { ...plain, metadata: { ...plain.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }, isNews: true }, []],
  ])('%s', (_, observed, expected) => expect(outcome(observed)).toEqual(expected)); // prettier-ignore
  it('is nothing more once it is written', () => {
    const [written] = reconcile({ ingress: plain, ...seen }).intents;
    const status = (written as unknown as { patch: { status: Ingress['status'] } }).patch.status;
    expect(outcome({ ingress: { ...plain, status } })).toEqual([]);
  });
});

describe('the class', () => {
  it('is made where there is none, the default where there is no other', () => {
    const made = (...classes: Parameters<typeof missingClass>[0]) => {
      const intent = missingClass(classes);
      return intent?.op === 'create' ? (intent.object.metadata.annotations?.[DEFAULT_CLASS] ?? 'plain') : undefined;
    };
    expect(made()).toBe('true');
    expect(made(ingressClass('theirs', 'example.com/x', true))).toBe('plain');
    expect(made(ingressClass('mine'))).toBeUndefined();
    expect(made(ingressClass('kubus', 'example.com/x'))).toBeUndefined();
  });
});
