import { expect, it } from 'vitest';
import { createPool } from './pool.ts';

it('keeps what is asked for, lets go what is not, and makes it again', () => {
  const pool = createPool();
  let made = 0;
  const [asked, idle] = [pool.keep(() => ({ number: ++made })), pool.keep(() => ({ number: ++made }))];
  expect([asked().number, idle().number, asked().number]).toEqual([1, 2, 1]);
  pool.sweep();
  expect(asked().number).toBe(1);
  pool.sweep();
  expect([asked().number, idle().number]).toEqual([1, 3]);
  pool.sweep();
  pool.sweep();
  expect([asked().number, idle().number]).toEqual([4, 5]);
});
