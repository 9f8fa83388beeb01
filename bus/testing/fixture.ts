import type { Bus } from '../bus.ts';

/** One running bus to test. */
export interface Fixture {
  connect(name: string): Promise<Bus>;
  /** Ends the connection as the death of its process would. */
  kill(bus: Bus): Promise<void>;
  close(): Promise<void>;
}
