import * as fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { LogEntry } from '../../bus/log.ts';
import type { WriteResponse } from '../../bus/protocol/etcd.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { Component } from '../runtime/component.ts';
import { bytes, meddled, memoryRig, text } from './testing/rig.ts';

type State = ReadonlyMap<string, { readonly value: string; readonly revision: number }>;

const key = fc.constantFrom('/a', '/b', '/b/c', '/b.c');
const expectation = fc.constantFrom('none', 'right', 'wrong', 'absent');
const command = fc.oneof(
  { weight: 8, arbitrary: fc.record({ op: fc.constant('put' as const), key, expect: expectation }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('delete' as const), key, expect: expectation }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('repeat' as const) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('lose' as const), events: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('compact' as const), back: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('snapshot' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('restart' as const), snapshots: fc.boolean() }) },
);

it(
  'agrees with a naive model whatever is written, compacted, lost on the way or restarted, at each revision',
  { timeout: 60_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 5, maxLength: 50 }), async (commands) => {
        const dir = mkdtempSync(join(tmpdir(), 'kubus-etcd-'));
        const rig = memoryRig();
        let lose = 0;
        const start = (snapshotDir: string | undefined): Promise<Component> =>
          rig.etcd({ historyMs: 3_600_000, tombstoneMs: 0, snapshotDir }, (log) =>
            meddled(log, {
              subscribe: (onEntry: (entry: LogEntry) => void, onDoubt) =>
                log.subscribe((entry) => {
                  if (lose > 0) lose--;
                  else onEntry(entry);
                }, onDoubt),
            }),
          );
        let etcd = await start(dir);
        const client = await rig.client();
        // By revision; the store's own keys take revisions too, and change nothing.
        const states: State[] = [new Map()];
        const settle = (
          revision: number,
          change: (state: Map<string, { value: string; revision: number }>) => void,
        ): void => {
          while (states.length < revision) states.push(states.at(-1)!);
          const next = new Map(states.at(-1));
          change(next);
          states.push(next);
        };
        let floor = 0;
        let again: { ask: () => Promise<WriteResponse>; answer: WriteResponse } | undefined;
        let count = 0;
        const now = async (): Promise<number> => (await client.range('/none')).revision;
        for (const c of commands) {
          if (c.op === 'put' || c.op === 'delete') {
            const current = states.at(-1)!.get(c.key);
            const expected = { none: undefined, right: current?.revision ?? 0, wrong: 9_999, absent: 0 }[c.expect];
            const value = `v${++count}`;
            const request = { key: c.key, id: `id${count}`, expect: expected };
            const ask = (): Promise<WriteResponse> =>
              client.ask(c.op, c.op === 'put' ? { ...request, value: bytes(value) } : request);
            const answer = await ask();
            if (expected !== undefined && expected !== (current?.revision ?? 0)) {
              expect(answer.conflict?.current?.modRevision).toBe(current?.revision);
              expect(answer.conflict).toBeDefined();
              continue;
            }
            expect(answer.conflict).toBeUndefined();
            if (c.op === 'delete') expect(text(answer.previous?.value)).toBe(current?.value);
            if (c.op === 'delete' && current === undefined) continue;
            settle(answer.revision, (state) =>
              c.op === 'put' ? state.set(c.key, { value, revision: answer.revision }) : state.delete(c.key),
            );
            again = { ask, answer };
          } else if (c.op === 'repeat') {
            // A repetition is harmless for as long as its entry is above the floor.
            if (again !== undefined && again.answer.revision > floor) expect(await again.ask()).toEqual(again.answer);
          } else if (c.op === 'lose') lose = c.events;
          else if (c.op === 'compact') {
            const target = Math.max(0, (await now()) - c.back);
            try {
              floor = (await client.compact(target)).revision;
            } catch (error) {
              expect(reasonOf(error)).toBe('Expired');
            }
          } else if (c.op === 'snapshot') await client.snapshot();
          else {
            await etcd.stop();
            etcd = await start(dir);
          }
        }
        lose = 0;
        const last = await now();
        while (states.length <= last) states.push(states.at(-1)!);
        expect(states.length).toBe(last + 1);
        for (let revision = floor; revision <= last; revision++) {
          if (revision === 0) continue;
          const { kvs } = await client.range('/', { rangeEnd: '0', revision });
          const own = kvs.filter((kv) => !kv.key.startsWith('/kubus/'));
          expect(own.map((kv) => [kv.key, text(kv.value), kv.modRevision])).toEqual(
            [...states[revision]!].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([k, s]) => [k, s.value, s.revision]),
          );
        }
        if (floor > 1)
          await expect(client.range('/', { rangeEnd: '0', revision: floor - 1 })).rejects.toSatisfy(
            (e) => reasonOf(e) === 'Expired',
          );
        const { changes } = await client.changes(floor);
        expect(changes.map((c) => c.revision)).toEqual(Array.from({ length: last - floor }, (_, i) => floor + 1 + i));
        await rig.close();
        rmSync(dir, { recursive: true });
      }),
      { numRuns: 60 },
    );
  },
);
