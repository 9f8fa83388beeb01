import { appendFile, mkdtemp, readdir, readFile, rename, rm, writeFile, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { realWorld } from '../../../bus/real-world.ts';
import { until } from '../../../bus/testing/until.ts';
import { EntryReader } from './entries.ts';
import { sinceNanos } from './index.ts';
import { parseEntry, shownTime } from './line.ts';
import { readLogFile, type LogFileOptions } from './read.ts';
import { rotate, rotateLogs } from './rotation.ts';
import { tailStart } from './tail.ts';

const world = realWorld({ level: 'silent' });
let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kubus-logs-'));
  path = join(folder, '0.log');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const at = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000123Z`;
const line = (text: string, second = 0, tag = 'F', stream = 'stdout'): string => `${at(second)} ${stream} ${tag} ${text}\n`; // prettier-ignore
const ALL: LogFileOptions = {
  tailLines: undefined, limitBytes: undefined, since: undefined, timestamps: false, follow: false,
  signal: new AbortController().signal, isRunning: () => false,
}; // prettier-ignore
async function shown(o: Partial<LogFileOptions> = {}): Promise<string> {
  let text = '';
  for await (const bytes of readLogFile(world.clock, path, { ...ALL, ...o })) text += bytes.toString();
  return text;
}
/** Follows; what has come so far. */
function followed(o: Partial<LogFileOptions> = {}) {
  let text = '';
  let isRunning = true;
  const abort = new AbortController();
  const ended = (async () => {
    const options = { ...ALL, follow: true, signal: abort.signal, isRunning: () => isRunning, ...o };
    for await (const bytes of readLogFile(world.clock, path, options)) text += bytes.toString();
  })();
  ended.catch(() => undefined);
  return { text: () => text, stop: () => (isRunning = false), abort: () => abort.abort(new Error('gone')), ended };
}

describe('an entry', () => {
  it.each([
    ['whole', `${at(1)} stdout F a b`, { isStdout: true, isPartial: false, text: 'a b' }],
    ['partial', `${at(1)} stderr P a`, { isStdout: false, isPartial: true, text: 'a' }],
    ['with more tags', `${at(1)} stdout P:x:y a`, { isPartial: true, text: 'a' }],
    ['empty', `${at(1)} stdout F `, { isPartial: false, text: '' }],
    ['empty without a blank', `${at(1)} stdout F`, { isPartial: false, text: '' }],
    ['of another zone', '2026-01-01T00:00:01.5+01:00 stdout F x', { text: 'x' }],
  ])('may be %s', (_, text, expected) => {
    const { isStdout, isPartial, text: said } = parseEntry(Buffer.from(text))!;
    expect({ isStdout, isPartial, text: said.toString() }).toMatchObject(expected);
  });
  it.each(['', 'x', 'no time stdout F x', `${at(1)} stdwhat F x`, `${at(1)} stdout`, '2026 stdout F x'])(
    'is not %j',
    (text) => {
      expect(parseEntry(Buffer.from(text))).toBeUndefined();
    },
  );
  it('shows its time with nine digits', () => {
    const times = ['2026-01-01T00:00:01Z', '2026-01-01T00:00:01.5+01:00', at(1)];
    expect(times.map((time) => shownTime(Buffer.from(time)).toString())).toEqual(['2026-01-01T00:00:01.000000000Z', '2026-01-01T00:00:01.500000000+01:00', at(1)]); // prettier-ignore
  });
  it('is the same however the file is torn', () => {
    const text = fc.string({ maxLength: 30 }).map((s) => s.replaceAll('\n', ' '));
    fc.assert(
      fc.property(fc.array(text, { maxLength: 10 }), fc.array(fc.nat(), { maxLength: 8 }), (texts, cuts) => {
        const bytes = Buffer.from(texts.map((t) => line(t)).join(''));
        const points = [...new Set(cuts.map((n) => n % (bytes.length + 1)))].sort((a, b) => a - b);
        const reader = new EntryReader();
        const parts = [0, ...points].map((from, i) => bytes.subarray(from, points[i] ?? bytes.length));
        const entries = parts.flatMap((part) => [...reader.push(part)].map((e) => e.text.toString()));
        expect(entries).toEqual(texts.map((t) => Buffer.from(t).toString()));
      }),
    );
  });
  it('that is too long comes in pieces', () => {
    const reader = new EntryReader();
    const text = 'x'.repeat(3_000_000);
    const wire = Buffer.from(line(text) + line('next'));
    const said: { isPartial: boolean; text: string }[] = [];
    for (let i = 0; i < wire.length; i += 65_536)
      for (const entry of reader.push(wire.subarray(i, i + 65_536))) said.push({ isPartial: entry.isPartial, text: entry.text.toString() }); // prettier-ignore
    expect(said.length).toBeGreaterThan(3);
    expect(said.slice(0, -1).map((e) => e.text).join('')).toBe(text); // prettier-ignore
    expect(said.slice(-2).map((e) => e.isPartial)).toEqual([false, false]);
  });
});

describe('the tail of a file', () => {
  it('is found from its end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(60_000), { maxLength: 12 }), fc.nat(15), fc.boolean(), async (sizes, count, isTorn) => {
        const lines = sizes.map((size) => `${'y'.repeat(size)}\n`);
        await writeFile(path, lines.join('') + (isTorn ? 'torn' : ''));
        const file = await open(path);
        const all = isTorn ? [...lines, 'torn'] : lines;
        const kept = count === 0 ? [] : all.slice(-count);
        expect(await tailStart(file, count)).toBe(all.join('').length - kept.join('').length);
        await file.close();
      }),
      { numRuns: 30 },
    ); // prettier-ignore
  });
});

describe('a log file', () => {
  it('is shown in parts if asked', async () => {
    await writeFile(path, line('one', 1) + line('tw', 2, 'P') + line('o', 2) + 'nonsense\n' + line('three', 3, 'F', 'stderr') + line('torn', 4).trimEnd()); // prettier-ignore
    expect(await shown()).toBe('one\ntwo\nthree\ntorn\n');
    expect(await shown({ tailLines: 2 })).toBe('three\ntorn\n');
    expect(await shown({ tailLines: 0 })).toBe('');
    expect(await shown({ limitBytes: 6 })).toBe('one\ntw');
    expect(await shown({ since: sinceNanos({ sinceTime: at(3) } as never, 0) })).toBe('three\ntorn\n');
    expect(await shown({ since: sinceNanos({ sinceTime: '2026-01-01T00:00:03.000000124Z' } as never, 0) })).toBe('torn\n'); // prettier-ignore
    expect(await shown({ since: sinceNanos({ sinceSeconds: 1 } as never, Date.parse('2026-01-01T00:00:05Z')) })).toBe('torn\n'); // prettier-ignore
    expect(await shown({ timestamps: true, tailLines: 5 })).toBe(`${at(2)} two\n${at(3)} three\n${at(4)} torn\n`);
  });
  it('that is not there is an error', async () => {
    await expect(shown()).rejects.toThrow('ENOENT');
  });
  it('is followed to the end of the container, what it said last with it', async () => {
    await writeFile(path, line('one'));
    const f = followed();
    await until(() => f.text() === 'one\n');
    await appendFile(path, line('two').slice(0, 20));
    await appendFile(path, line('two').slice(20));
    await until(() => f.text() === 'one\ntwo\n');
    await appendFile(path, line('last'));
    f.stop();
    await f.ended;
    expect(f.text()).toBe('one\ntwo\nlast\n');
  });
  it('is followed over its rotation, without losing what was written before', async () => {
    await writeFile(path, line('one'));
    const f = followed({ tailLines: 0 });
    await until(async () => (await readdir(folder)).length === 1);
    for (let i = 0; i < 20; i++) {
      await appendFile(path, line(`a${i}`));
      await rename(path, `${path}.${i}`);
      await writeFile(path, line(`b${i}`));
      await until(() => f.text().includes(`b${i}\n`));
    }
    f.stop();
    await f.ended;
    const said = f.text().split('\n');
    for (let i = 1; i < 20; i++) expect(said.filter((text) => text === `a${i}` || text === `b${i}`)).toEqual([`a${i}`, `b${i}`]); // prettier-ignore
  });
  it('is left when the reader goes', async () => {
    await writeFile(path, line('one'));
    const f = followed();
    await until(() => f.text() === 'one\n');
    f.abort();
    await expect(f.ended).rejects.toThrow('gone');
  });
});

describe('rotation', () => {
  it('keeps some files, of which the older are compressed', async () => {
    for (let i = 0; i < 7; i++) {
      await writeFile(path, line(`log ${i}`));
      await rotate(path, 5, `2026010${i}-000000`, () => writeFile(path, ''));
    }
    expect((await readdir(folder)).sort()).toEqual([
      '0.log',
      '0.log.20260103-000000.gz',
      '0.log.20260104-000000.gz',
      '0.log.20260105-000000.gz',
      '0.log.20260106-000000',
    ]);
    const old = gunzipSync(await readFile(`${path}.20260104-000000.gz`)).toString();
    expect(old).toBe(line('log 4'));
  });
  it('leaves the log where it was if the runtime does not follow, and clears up what was half done', async () => {
    await writeFile(path, line('kept'));
    await writeFile(`${path}.20260101-000000.tmp`, 'half');
    await expect(rotate(path, 5, '20260102-000000', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect([await readdir(folder), await readFile(path, 'utf8')]).toEqual([['0.log'], line('kept')]);
  });
  it('is done of those that are too large, again and again', async () => {
    await writeFile(path, 'x'.repeat(100));
    const small = join(folder, 'small.log');
    await writeFile(small, 'x');
    const reopened: string[] = [];
    const end = rotateLogs({
      world,
      logs: () => [{ id: 'gone', path: join(folder, 'none') }, { id: 'a', path }, { id: 'b', path: small }],
      reopen: (id) => (reopened.push(id), writeFile(path, 'x'.repeat(100))),
      limits: { maxBytes: 100, maxFiles: 3, everyMs: 5 },
    }); // prettier-ignore
    await until(() => reopened.length >= 2);
    end();
    expect(new Set(reopened)).toEqual(new Set(['a']));
  });
});
