import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bold, dim, Progress, table, UserError } from './output.ts';

const terminal = (is: boolean): void => {
  for (const stream of [process.stdout, process.stderr])
    Object.defineProperty(stream, 'isTTY', { value: is, configurable: true });
};
const before = [process.stdout.isTTY, process.stderr.isTTY];
let said = '';
beforeEach(() => {
  said = '';
  vi.stubEnv('NO_COLOR', '');
  vi.stubEnv('TERM', 'xterm');
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  [process.stdout, process.stderr].forEach((s, i) =>
    Object.defineProperty(s, 'isTTY', { value: before[i], configurable: true }),
  );
});

describe('colours', () => {
  it('are for terminals', () => {
    terminal(true);
    expect([bold('x'), dim('x')]).toEqual(['\u001b[1mx\u001b[0m', '\u001b[2mx\u001b[0m']);
    terminal(false);
    expect([bold('x'), dim('x')]).toEqual(['x', 'x']);
  });
  it.each([['NO_COLOR', '1'], ['TERM', 'dumb']])('are not for those who say %s=%s', (name, value) => {
    terminal(true);
    vi.stubEnv(name, value);
    expect(bold('x')).toBe('x');
  }); // prettier-ignore
});
describe('progress', () => {
  it('is a line a step, and says which one failed', async () => {
    terminal(false);
    const progress = new Progress();
    expect(await progress.step('one', () => 1)).toBe(1);
    await expect(progress.step('two', () => Promise.reject(new UserError('no')))).rejects.toThrow('no');
    expect(said).toMatch(/^ ✓ one \d+ ms\n ✗ two\n$/);
  });
  it('rewrites its line on a terminal', async () => {
    terminal(true);
    vi.stubEnv('NO_COLOR', '1');
    await new Progress().step('one', () => 1);
    expect(said.replace(/\d+ ms/, '1 ms')).toBe(' • one …\r\u001b[K ✓ one 1 ms\n');
  });
  it('can be quiet', async () => {
    terminal(true);
    const progress = new Progress(true);
    await progress.step('one', () => 1);
    await progress.step('two', () => Promise.reject(new Error('no'))).catch(() => undefined);
    expect(said).toBe('');
  });
});
it('pads tables as kubectl does', () => {
  expect(table(['NAME', 'N'], [['long name', '1'], ['x', '']])).toBe('NAME        N\nlong name   1\nx'); // prettier-ignore
  expect(table(['NAME', 'N'], [])).toBe('NAME   N');
});
