import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { freePort } from '../cluster/ports.ts';
import { openFront, type Answerer, type Front } from './front.ts';

let front: Front;
const clients: Socket[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  front.close();
});
/** Says its name to whoever comes. */
const teller = (name: string): Answerer & { isOpen: boolean } => ({
  isOpen: true,
  hand: (socket) => void socket.end(name),
});
let port: number;
const visit = (): Promise<string> =>
  new Promise((resolve, reject) => {
    const client = connect(port, '127.0.0.1');
    clients.push(client);
    let said = '';
    client.on('data', (d: Buffer) => (said += d.toString()));
    client.on('end', () => resolve(said));
    client.on('error', reject);
  });
const open = async (): Promise<void> => {
  port = await freePort();
  front = await openFront('127.0.0.1', port);
};

describe('the one address of several API servers', () => {
  it('deals connections out in turn, to those that are open', async () => {
    await open();
    const [a, b, c] = ['a', 'b', 'c'].map(teller);
    for (const one of [a!, b!, c!]) front.add(one);
    const visits = async (n: number): Promise<string> => {
      let all = '';
      for (let i = 0; i < n; i++) all += await visit();
      return all;
    };
    expect(await visits(6)).toMatch(/^(abc|bca|cab){2}$/);
    b!.isOpen = false;
    expect([...(await visits(4))].toSorted().join('')).toBe('aacc');
    front.remove(a!);
    expect(await visits(3)).toBe('ccc');
  });
  it('lets connections wait while nobody is open', async () => {
    await open();
    const early = visit();
    const late = teller('late');
    late.isOpen = false;
    front.add(late);
    setImmediate(() => {
      late.isOpen = true;
      front.opened();
    });
    expect(await early).toBe('late');
    front.remove(late);
    const next = visit();
    const stop = front.own.take((socket) => socket.end('own'));
    expect(await next).toBe('own');
    stop();
    expect(front.own.isOpen).toBe(false);
  });
  it('turns to another when one cannot be given the connection after all', async () => {
    await open();
    front.add({ isOpen: true, hand: () => false });
    front.add(teller('other'));
    expect([await visit(), await visit()]).toEqual(['other', 'other']);
  });
});
