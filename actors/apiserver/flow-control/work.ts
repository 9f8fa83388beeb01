import type { Core } from '../core.ts';
import type { RequestInfo } from '../request.ts';
import { PLAIN_WORK, READING, type Work } from './flow-request.ts';

/** Source: apiserver pkg/util/flowcontrol/request config.go, list_work_estimator.go. */
const MAX_MUTATING_SEATS = 10;
const MAX_LIST_SEATS = 100;
const WATCHES_PER_SEAT = 10;
const EVENT_MS = 5;
const BYTES_PER_SEAT = 100_000;
/** Lists come from the cache and are sent in pieces: no more than this is held for one. */
const MAX_LIST_BYTES = 1_000_000;
/** Objects whose size is looked at. */
const SAMPLE = 8;
/** Objects that take as long to print as a write takes. */
const OBJECTS_PER_UNIT = 100;

/** What a request is expected to cost; `levelSeats`: the most that its level lets one request take. */
export function estimate(core: Core, info: RequestInfo, query: URLSearchParams, levelSeats: number): Work {
  switch (info.verb) {
    case 'list':
      return listing(core, info, query, levelSeats);
    case 'watch':
      return tellsState(query) ? listing(core, info, query, levelSeats) : READING;
    case 'create':
    case 'update':
    case 'patch':
    case 'delete':
      return writing(core, info, levelSeats);
    default:
      return READING;
  }
}
function tellsState(query: URLSearchParams): boolean {
  const version = query.get('resourceVersion') ?? '';
  return version === '' || version === '0' || query.get('sendInitialEvents') === 'true';
}
function listing(core: Core, info: RequestInfo, query: URLSearchParams, levelSeats: number): Work {
  const resource = core.registry.lookup(info);
  if (resource === undefined || info.name !== '') return READING;
  const { byKey } = core.cache.of(resource);
  const limit = Number(query.get('limit') ?? 0);
  const count = limit > 0 ? Math.min(limit, byKey.size) : byKey.size;
  if (count <= OBJECTS_PER_UNIT * READING.units) return READING;
  let [bytes, looked] = [0, 0];
  for (const entry of byKey.values()) {
    bytes += entry.stored.length;
    if (++looked === SAMPLE) break;
  }
  const atOnce = Math.min(MAX_LIST_BYTES, (count * bytes) / looked);
  const most = levelSeats === 0 ? MAX_LIST_SEATS : Math.min(levelSeats, MAX_LIST_SEATS);
  const initialSeats = Math.max(1, Math.min(most, Math.ceil(atOnce / BYTES_PER_SEAT)));
  return { initialSeats, finalSeats: 0, additionalMs: 0, units: count / OBJECTS_PER_UNIT };
}
/** What a write costs after it: its event goes to each watcher. */
function writing(core: Core, info: RequestInfo, levelSeats: number): Work {
  // A token makes no event, though service accounts are watched.
  if (info.resource === 'serviceaccounts' && info.subresource === 'token') return PLAIN_WORK;
  const resource = core.registry.lookup(info);
  if (resource === undefined) return PLAIN_WORK;
  const watches = core.cache.of(resource).watchers.interestedIn(resource.storagePrefix, info.namespace, info.name);
  if (watches < WATCHES_PER_SEAT) return PLAIN_WORK;
  const most = levelSeats === 0 ? MAX_MUTATING_SEATS : Math.min(levelSeats, MAX_MUTATING_SEATS);
  const wanted = Math.ceil(watches / WATCHES_PER_SEAT);
  const finalSeats = Math.min(wanted, most);
  return { initialSeats: 1, finalSeats, additionalMs: (wanted * EVENT_MS) / finalSeats, units: 1 };
}
