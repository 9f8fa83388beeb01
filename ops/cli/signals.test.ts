import { afterEach, expect, it, vi } from 'vitest';
import { untilSignal } from './signals.ts';

afterEach(() => {
  process.removeAllListeners('SIGUSR2');
  vi.restoreAllMocks();
});

it('a signal ends in order, its echo changes nothing, and a later one does not wait', async () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
  const now = vi.spyOn(performance, 'now').mockReturnValue(10_000);
  const signal = untilSignal('SIGUSR2');
  process.emit('SIGUSR2');
  expect(await signal).toBe('SIGUSR2');
  now.mockReturnValue(10_400);
  process.emit('SIGUSR2');
  expect(exit).not.toHaveBeenCalled();
  now.mockReturnValue(11_000);
  process.emit('SIGUSR2');
  expect(exit).toHaveBeenCalledWith(130);
});
