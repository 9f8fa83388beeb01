import type { Bus } from '../../../bus/bus.ts';
import type { Log, LogEntry } from '../../../bus/log.ts';
import type {
  ChangesRequest,
  CompactRequest,
  DeleteRequest,
  KeyValue,
  PutRequest,
  RangeRequest,
  RangeResponse,
  WriteResponse,
} from '../../../bus/protocol/etcd.ts';
import * as subjects from '../../../bus/subjects.ts';
import { ApiError, reasonOf } from '../../../schemas/meta/status.ts';

/** The store's subjects over a log, for tests of the API server alone: compacted when told, no expiry. */
export function serveFakeEtcd(bus: Bus, log: Log): void {
  const history: LogEntry[] = [];
  let revision = 0;
  let floor = 0;
  log.subscribe((entry) => {
    history.push(entry);
    revision = entry.revision;
  });
  const stateAt = (at: number): Map<string, KeyValue> => {
    const state = new Map<string, KeyValue>();
    for (const e of history) {
      if (e.revision > at) break;
      const before = state.get(e.key);
      if (e.value === undefined) state.delete(e.key);
      else
        state.set(e.key, {
          key: e.key,
          value: e.value,
          createRevision: before?.createRevision ?? e.revision,
          modRevision: e.revision,
          version: (before?.version ?? 0) + 1,
        });
    }
    return state;
  };
  const newest = new Map<string, { revision: number; live: boolean; kv: KeyValue | undefined }>();
  log.subscribe((e) => {
    const before = newest.get(e.key)?.kv;
    const kv = e.value && {
      key: e.key, value: e.value, createRevision: before?.createRevision ?? e.revision, modRevision: e.revision, version: 1,
    }; // prettier-ignore
    newest.set(e.key, { revision: e.revision, live: e.value !== undefined, kv });
  });
  const write = async (request: PutRequest | DeleteRequest, value: Uint8Array | undefined): Promise<WriteResponse> => {
    for (;;) {
      await log.barrier();
      const known = newest.get(request.key);
      const present = known?.live ? known.revision : 0;
      if (request.expect !== undefined && request.expect !== present)
        return { revision, conflict: { current: known?.kv } };
      try {
        const at = await log.append({ key: request.key, value, expect: known?.revision ?? 0, id: request.id });
        return { revision: at };
      } catch (error) {
        if (reasonOf(error) !== 'Conflict') throw error;
      }
    }
  };
  bus.serve(subjects.etcd('compact'), 'etcd', (m) => {
    floor = (m.body as CompactRequest).revision;
    return { revision: floor };
  });
  bus.serve(subjects.etcd('put'), 'etcd', (m) => write(m.body as PutRequest, (m.body as PutRequest).value));
  bus.serve(subjects.etcd('delete'), 'etcd', (m) => write(m.body as DeleteRequest, undefined));
  bus.serve(subjects.etcd('status'), 'etcd', () => ({ revision, replicated: log.replicated }));
  bus.serve(subjects.etcd('range'), 'etcd', async (m): Promise<RangeResponse> => {
    await log.barrier();
    const r = m.body as RangeRequest;
    if (r.revision !== undefined && r.revision < floor) throw new ApiError('Expired', 'compacted');
    if ((r.revision ?? 0) > revision) throw new ApiError('Timeout', 'not there yet');
    const end = r.rangeEnd ?? `${r.key}\0`;
    const state = [...stateAt(r.revision ?? revision).values()]
      .filter((kv) => kv.key >= r.key && kv.key < end)
      .sort((a, b) => (a.key < b.key ? -1 : 1));
    const limit = r.limit ?? state.length;
    return {
      revision: r.revision ?? revision,
      kvs: state.slice(0, limit),
      more: state.length > limit,
      count: state.length,
    };
  });
  bus.serve(subjects.etcd('changes'), 'etcd', async (m) => {
    await log.barrier();
    const r = m.body as ChangesRequest;
    const changes = history
      .filter((e) => e.revision > r.after)
      .map((e) => ({
        revision: e.revision,
        key: e.key,
        value: e.value,
        previousRevision: e.previous,
        createRevision: e.revision,
      }));
    return { changes, revision, more: false };
  });
}
