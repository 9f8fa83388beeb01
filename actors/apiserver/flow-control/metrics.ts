import { head, labelText } from '../../runtime/metrics/series.ts';
import type { Counts } from './counts.ts';
import type { FlowControl } from './index.ts';
import type { Level } from './level.ts';

type Stability = 'BETA' | 'ALPHA';
const nameOf = (name: string): string => `apiserver_flowcontrol_${name}`;

/** Under upstream's names, made when they are asked for. Source: apiserver pkg/util/flowcontrol/metrics/metrics.go. */
export function flowMetrics(flow: FlowControl): string[] {
  const levels = flow.levels();
  const counts = [...flow.counts.values()];
  const lines: string[] = [];
  const series = <T>(
    [name, type, stability, help]: readonly [string, string, Stability, string],
    all: readonly T[],
    each: (one: T) => Iterable<readonly [labels: string, value: number]>,
  ): void => {
    const text = all.flatMap((one) =>
      [...each(one)].map(([labels, value]) => `${nameOf(name)}${labels === '' ? '' : `{${labels}}`} ${value}`),
    );
    if (text.length > 0) lines.push(...head(nameOf(name), type, stability, help), ...text);
  };
  const used = counts.filter((c) => c.dispatched + c.waiting + c.executing > 0 || refusals(c).length > 0);
  const flowOf = (c: Counts, more?: Record<string, string>): string =>
    labelText({ flow_schema: c.schema, priority_level: c.level, ...more });
  const gauge = (name: string, stability: Stability, help: string, of: (level: Level) => number): void =>
    series([name, 'gauge', stability, help], levels, (l) => [[labelText({ priority_level: l.spec.name }), of(l)]]);
  const perFlow = (name: string, type: string, stability: Stability, help: string, of: (c: Counts) => number): void =>
    series([name, type, stability, help], used, (c) => [[flowOf(c), of(c)]]);

  perFlow('current_executing_requests', 'gauge', 'BETA', 'Requests that are executed; watches only until they have begun.', (c) => c.executing);
  perFlow('current_executing_seats', 'gauge', 'BETA', 'Seats of requests that are executed, or whose events are being sent.', (c) => c.seats);
  perFlow('current_inqueue_requests', 'gauge', 'BETA', 'Requests that wait in queues.', (c) => c.waiting);
  perFlow('current_inqueue_seats', 'gauge', 'ALPHA', 'Seats that waiting requests will take.', (c) => c.waitingSeats);
  perFlow('dispatched_requests_total', 'counter', 'BETA', 'Requests that were let in.', (c) => c.dispatched);
  series(['rejected_requests_total', 'counter', 'BETA', 'Requests that were refused, by reason.'], used, (c) =>
    refusals(c).map(([reason, n]) => [flowOf(c, { reason }), n]),
  );
  const histogram = (
    [name, stability, help]: readonly [string, Stability, string],
    of: (c: Counts) => readonly (readonly [{ readonly count: number; render(name: string, labels: string): Iterable<string> }, Record<string, string>])[],
  ): void => {
    const text = used.flatMap((c) =>
      of(c).filter(([one]) => one.count > 0).flatMap(([one, more]) => [...one.render(nameOf(name), flowOf(c, more))]),
    );
    if (text.length > 0) lines.push(...head(nameOf(name), 'histogram', stability, help), ...text);
  };
  histogram(['request_wait_duration_seconds', 'BETA', 'How long requests waited in their queue.'], ({ waited }) => [
    [waited.true, { execute: 'true' }],
    [waited.false, { execute: 'false' }],
  ]);
  histogram(['request_execution_seconds', 'ALPHA', 'How long requests were executed; watches until they had begun.'], ({ executed }) => [
    [executed.regular, { type: 'regular' }],
    [executed.watch, { type: 'watch' }],
  ]);
  histogram(['request_queue_length_after_enqueue', 'ALPHA', 'Length of the queue that a request found, itself included.'], (c) => [[c.queueLength, {}]]);
  histogram(['work_estimated_seats', 'ALPHA', 'Seats that requests were expected to need.'], (c) => [[c.estimated, {}]]);

  gauge('nominal_limit_seats', 'BETA', 'Seats that a level has by its configuration.', (l) => l.nominal);
  gauge('lower_limit_seats', 'ALPHA', 'The fewest seats that a level keeps while it lends the others.', (l) => l.min);
  gauge('upper_limit_seats', 'ALPHA', 'The most seats that a level can have while it borrows.', (l) => l.max);
  gauge('current_limit_seats', 'ALPHA', 'Seats that a level has now.', (l) => l.current);
  gauge('demand_seats_high_watermark', 'ALPHA', 'The most seats that were wanted at once in the last period.', (l) => l.highWatermark);
  gauge('demand_seats_average', 'ALPHA', 'Seats that were wanted on average in the last period.', (l) => l.average);
  gauge('demand_seats_stdev', 'ALPHA', 'Standard deviation of the seats that were wanted in the last period.', (l) => l.deviation);
  gauge('demand_seats_smoothed', 'ALPHA', 'Seats that are thought to be wanted.', (l) => l.smoothed);
  gauge('target_seats', 'ALPHA', 'Seats that a level should have.', (l) => l.target);
  gauge('current_r', 'ALPHA', 'How far the progress meter is, in seat-seconds.', (l) => l.set.progress);
  series(['seat_fair_frac', 'gauge', 'ALPHA', 'The share of its target that each level gets.'], [flow.fair], (fair) => [['', fair]]);
  return lines;
} // prettier-ignore
const refusals = (c: Counts): [string, number][] => Object.entries(c.rejected).filter(([, n]) => n > 0);
