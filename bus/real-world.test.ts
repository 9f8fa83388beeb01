import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ApiError } from '../schemas/meta/status.ts';
import { realWorld, SAFE_ALPHABET } from './real-world.ts';
import { delay } from './world.ts';

describe('the real world', () => {
  it('makes ids of the promised shapes, each once', () => {
    const { ids } = realWorld({ level: 'silent' });
    expect(ids.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(ids.token()).toMatch(/^[A-Za-z0-9_-]{16,}$/);
    const drawn = ids.suffix(20_000);
    expect(drawn).toMatch(new RegExp(`^[${SAFE_ALPHABET}]{20000}$`));
    for (const letter of SAFE_ALPHABET) expect(drawn.split(letter).length).toBeGreaterThan(550);
    expect(new Set(Array.from({ length: 1000 }, () => ids.token())).size).toBe(1000);
  });
  it('logs one line of JSON an event, to a file if told to', () => {
    const dir = mkdtempSync(join(tmpdir(), 'kubus-world-'));
    const file = join(dir, 'logs', 'x.log');
    const { log } = realWorld({ component: 'scheduler', file });
    log.debug('not this');
    log.child({ actor: 'queue' }).warn('pod unschedulable', { object: { kind: 'Pod', name: 'web' } });
    log.error('failed', { err: new ApiError('Conflict', 'modified') });
    const lines = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        component: 'scheduler',
        actor: 'queue',
        msg: 'pod unschedulable',
        object: { kind: 'Pod', name: 'web' },
      }),
      expect.objectContaining({
        level: 'error',
        msg: 'failed',
        err: expect.objectContaining({ message: 'modified' }) as unknown,
      }),
    ]);
    rmSync(dir, { recursive: true });
  });
  it('waits as long as asked, or until the signal', async () => {
    const { clock } = realWorld({ level: 'silent' });
    const began = clock.now();
    await delay(clock, 20);
    expect(clock.now() - began).toBeGreaterThanOrEqual(19);
    const reason = new Error('enough');
    await expect(delay(clock, 60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    const controller = new AbortController();
    const waiting = delay(clock, 60_000, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});
