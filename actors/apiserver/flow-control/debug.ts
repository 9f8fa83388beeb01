/** What is where, as text: `/debug/api_priority_and_fairness/...`. Source: apiserver pkg/util/flowcontrol apf_controller_debug.go. */
import { formatTime } from '../../../schemas/meta/time.ts';
import type { PathHandler } from '../request.ts';
import type { FlowRequest } from './flow-request.ts';
import type { FlowControl } from './index.ts';
import type { Level } from './level.ts';
import type { Queue } from './queue.ts';

const ROOT = '/debug/api_priority_and_fairness/';
const MIN_WIDTH = 8;
type Row = readonly (string | number | boolean)[];

/** Columns as Go's tabwriter aligns them; the last is as long as it is. */
function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => row.map((cell, i) => (i < row.length - 1 ? `${cell},` : String(cell))));
  const widths = cells[0]!.map((_, i) => Math.max(MIN_WIDTH, ...cells.map((row) => row[i]!.length + 1)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i < row.length - 1 ? cell.padEnd(widths[i]!) : cell)).join('');
  return cells.map((row) => `${line(row)}\n`).join('');
}
const seatSeconds = (value: number): string => `${Math.max(0, value).toFixed(8)}ss`;

function levelRows(levels: readonly Level[]): Row[] {
  const rows = levels.map(({ spec, set, quiescing }): Row => {
    const active = set.queues.filter((queue) => queue.length > 0).length;
    // Those who waited too long are counted as cancelled, as they are there.
    return [spec.name, active, set.isIdle, quiescing, set.waiting, set.executing.size, set.dispatched, set.rejected, 0, set.cancelled]; // prettier-ignore
  });
  const head = ['PriorityLevelName', 'ActiveQueues', 'IsIdle', 'IsQuiescing', 'WaitingRequests', 'ExecutingRequests', 'DispatchedRequests', 'RejectedRequests', 'TimedoutRequests', 'CancelledRequests']; // prettier-ignore
  return [head, ...rows];
}
function queueRows(levels: readonly Level[]): Row[] {
  const head = ['PriorityLevelName', 'Index', 'PendingRequests', 'ExecutingRequests', 'SeatsInUse', 'NextDispatchR', 'InitialSeatsSum', 'MaxSeatsSum', 'TotalWorkSum']; // prettier-ignore
  const row = (level: Level, q: Queue): Row => [
    level.spec.name, q.index, q.length, q.executing, q.seatsInUse, seatSeconds(q.nextR), q.initialSeats, q.maxSeats, seatSeconds(q.work),
  ]; // prettier-ignore
  return [head, ...levels.flatMap((level) => level.set.queues.map((queue) => row(level, queue)))];
}
const ZERO_TIME = '0001-01-01T00:00:00Z';
/** Go's RFC3339Nano of milliseconds. */
function timeText(ms: number): string {
  if (ms === 0) return ZERO_TIME;
  const rest = String(ms % 1000).padStart(3, '0').replace(/0+$/, ''); // prettier-ignore
  return rest === '' ? formatTime(ms) : formatTime(ms).replace(/Z$/, `.${rest}Z`);
}
function durationText(ms: number): string {
  if (ms === 0) return '0s';
  return ms < 1000 ? `${Number(ms.toFixed(6))}ms` : `${Number((ms / 1000).toFixed(9))}s`;
}
function requestRows(levels: readonly Level[], schemaOf: (r: FlowRequest) => string, details: boolean): Row[] {
  const head = ['PriorityLevelName', 'FlowSchemaName', 'QueueIndex', 'RequestIndexInQueue', 'FlowDistingsher', 'ArriveTime', 'InitialSeats', 'FinalSeats', 'AdditionalLatency', 'StartTime']; // prettier-ignore
  if (details) head.push('UserName', 'Verb', 'APIPath', 'Namespace', 'Name', 'APIVersion', 'Resource', 'SubResource');
  const rows: Row[] = [head];
  for (const { spec, set } of levels) {
    const add = (queue: number, place: number, r: FlowRequest): void => {
      const { work, finalSeats, additionalMs, arrivedMs, startedMs, distinguisher, user, info } = r;
      const row = [spec.name, schemaOf(r), queue, place, distinguisher, timeText(arrivedMs), work.initialSeats, finalSeats, durationText(additionalMs), timeText(startedMs)]; // prettier-ignore
      const version = info.group === '' ? info.version : `${info.group}/${info.version}`;
      if (details) row.push(user.name, info.verb, info.path, info.namespace, info.name, version, info.resource, info.subresource); // prettier-ignore
      rows.push(row);
    };
    for (const queue of set.queues)
      for (let [one, place] = [queue.head, 0]; one !== undefined; one = one.next) add(queue.index, place++, one);
    for (const one of set.executing) add(one.queue?.index ?? -1, -1, one);
  }
  return rows;
}

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' };
export function createFlowDebugHandler(flow: FlowControl): PathHandler {
  return ({ path, query }) => {
    if (!path.startsWith(ROOT)) return undefined;
    const rows = (): Row[] | undefined => {
      switch (path.slice(ROOT.length)) {
        case 'dump_priority_levels':
          return levelRows(flow.levels());
        case 'dump_queues':
          return queueRows(flow.levels());
        case 'dump_requests':
          return requestRows(flow.levels(), schemaOf, (query.get('includeRequestDetails') ?? '') !== '');
        default:
          return undefined;
      }
    };
    const found = rows();
    return found && { code: 200, headers: TEXT, body: table(found) };
  };
}
const schemaOf = ({ owner }: FlowRequest): string => (owner as { counts: { schema: string } }).counts.schema;
