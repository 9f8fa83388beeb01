import { Histogram } from '../../runtime/metrics/series.ts';

/** Source: apiserver pkg/util/flowcontrol/metrics requestDurationSecondsBuckets, queueLengthBuckets. */
const SECONDS = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
const LENGTHS = [0, 10, 25, 50, 100, 250, 500, 1000];
const SEATS = [1, 2, 4, 8, 16, 32, 64, 100];

export type Refusal = 'concurrency-limit' | 'queue-full' | 'time-out';
/** What is counted of the requests of one FlowSchema. */
export class Counts {
  readonly level: string;
  readonly schema: string;
  dispatched = 0;
  readonly rejected: Record<Refusal, number> = { 'concurrency-limit': 0, 'queue-full': 0, 'time-out': 0 };
  waiting = 0;
  waitingSeats = 0;
  executing = 0;
  seats = 0;
  readonly waited = { true: new Histogram(SECONDS), false: new Histogram(SECONDS) };
  readonly executed = { regular: new Histogram(SECONDS), watch: new Histogram(SECONDS) };
  readonly queueLength = new Histogram(LENGTHS);
  readonly estimated = new Histogram(SEATS);
  constructor(level: string, schema: string) {
    this.level = level;
    this.schema = schema;
  }
}
