import type { Bus } from '../../bus/bus.ts';
import {
  prefixEnd,
  type EtcdStatus,
  type KeyValue,
  type RangeRequest,
  type RangeResponse,
} from '../../bus/protocol/etcd.ts';
import * as subjects from '../../bus/subjects.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { UserError } from '../cli/output.ts';

export interface Query {
  readonly key: string;
  /** All keys that begin with `key`. */
  readonly prefix: boolean;
  /** Undefined: all. */
  readonly limit?: number | undefined;
  /** Undefined: now. */
  readonly revision?: number | undefined;
  readonly keysOnly?: boolean;
}
export interface Found {
  /** What the items are as of. */
  readonly revision: number;
  /** Of all keys that were asked for, whatever the limit. */
  readonly count: number;
  readonly items: readonly KeyValue[];
}
const ANSWER_MS = 5_000;
/** Behind every key: no UTF-8 text has a greater first character. */
const LAST = '\u{10ffff}';

export const storeStatus = (bus: Bus): Promise<EtcdStatus> => ask(bus, 'status', {});

/** Page after page, all as of one revision. Thrown: UserError for a revision that is not there. */
export async function readStore(bus: Bus, { key, prefix, limit, revision, keysOnly }: Query): Promise<Found> {
  const rangeEnd = !prefix ? undefined : key === '' ? LAST : prefixEnd(key);
  const items: KeyValue[] = [];
  let from = key;
  let first: RangeResponse | undefined;
  for (;;) {
    const rest = limit === undefined ? undefined : limit - items.length;
    const page: RangeResponse = await ask(
      bus,
      'range',
      {
        key: from, rangeEnd, revision: first?.revision ?? revision, keysOnly,
        limit: rest, uncounted: first !== undefined,
      } satisfies RangeRequest,
    ); // prettier-ignore
    first ??= page;
    items.push(...page.kvs);
    if (!page.more || page.kvs.length === 0 || items.length === limit) break;
    from = `${page.kvs.at(-1)!.key}\0`;
  }
  return { revision: first.revision, count: first.count, items };
}
async function ask<T>(bus: Bus, verb: 'range' | 'status', body: object): Promise<T> {
  try {
    return await bus.request<T>(subjects.etcd(verb), body, { timeoutMs: ANSWER_MS });
  } catch (error) {
    const { revision } = body as RangeRequest;
    const reason = reasonOf(error);
    if (reason === 'Expired')
      throw new UserError(
        `revision ${revision} has been compacted: see from which one on the store can be read with: kubus etcd status`,
      );
    if (revision !== undefined && (await isToCome(bus, revision)))
      throw new UserError(`revision ${revision} is still to come: see where the store is with: kubus etcd status`);
    if (reason === 'Timeout' || reason === 'ServiceUnavailable')
      throw new UserError(
        `the store does not answer (${(error as Error).message}): see what it is doing with: kubus status`,
      );
    throw error;
  }
}
const isToCome = async (bus: Bus, revision: number): Promise<boolean> => {
  const status = await bus.request<EtcdStatus>(subjects.etcd('status'), {}, { timeoutMs: ANSWER_MS }).catch(() => undefined); // prettier-ignore
  return status !== undefined && status.revision < revision;
};
