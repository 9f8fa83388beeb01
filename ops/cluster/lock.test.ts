import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockHolder, releaseLock, startedAt, takeLock } from './lock.ts';

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kubus-lock-'));
  file = join(dir, 'below/lock');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

describe('the lock of a cluster', () => {
  it('is held by one, and free again after', () => {
    expect(lockHolder(file)).toBeUndefined();
    expect(takeLock(file)).toBeUndefined();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(takeLock(file)).toBe(process.pid);
    expect(lockHolder(file)).toBe(process.pid);
    releaseLock(file);
    releaseLock(file);
    expect(lockHolder(file)).toBeUndefined();
    expect(takeLock(file)).toBeUndefined();
  });
  it('is taken over from a process that is gone', async () => {
    const child = spawn('sleep', ['60']);
    const held = { pid: child.pid!, started: startedAt(child.pid!) };
    takeLock(file);
    writeFileSync(file, JSON.stringify(held));
    expect(takeLock(file)).toBe(child.pid);
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
    expect(lockHolder(file)).toBeUndefined();
    expect(takeLock(file)).toBeUndefined();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({ pid: process.pid, started: startedAt(process.pid) });
  });
  it('does not take another process with the same number for its holder', () => {
    takeLock(file);
    writeFileSync(file, JSON.stringify({ pid: process.pid, started: '1' }));
    expect(lockHolder(file)).toBeUndefined();
    expect(takeLock(file)).toBeUndefined();
  });
  it.each(['', '{"pid":', 'null', '[]', '{}', '{"pid":"x"}'])('that holds %j is free', (text) => {
    takeLock(file);
    writeFileSync(file, text);
    expect(lockHolder(file)).toBeUndefined();
    expect(takeLock(file)).toBeUndefined();
  });
});
