import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { ApiError } from '../../schemas/meta/status.ts';
import type { TimerId, World } from '../world.ts';
import { newInbox } from './js-api.ts';
import { rawHeaders, type RawHeaders } from './raw-headers.ts';

export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly headers: RawHeaders['values'];
  readonly data: Uint8Array;
}
export type BatchQuery = { readonly batch: number; readonly max_bytes?: number } & (
  { readonly seq: number; readonly next_by_subj?: string } | { readonly start_time: string }
);
export interface Batch {
  readonly messages: readonly StoredMessage[];
  /** The server had nothing (more) to give; false: ask on from the last message. */
  readonly end: boolean;
}

/** Without a message for this long a batch is given up. */
const SILENCE_MS = 5_000;

/**
 * One batch of messages from whichever server holds the stream, by direct get: no consumer is made, so nothing leaks
 * and nothing is locked. Each message names the one before it, so one lost on the way cuts the batch there.
 * `signal` is aborted when the connection is lost. Source: NATS ADR-31.
 */
export function directBatch(
  connection: NatsConnection,
  world: World,
  stream: string,
  query: BatchQuery,
  signal: AbortSignal,
): Promise<Batch> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const messages: StoredMessage[] = [];
    const inbox = newInbox(connection);
    let timer: TimerId | undefined;
    let seen = true;
    const finish = (settle: () => void): void => {
      if (timer !== undefined) world.clock.clearTimeout(timer);
      signal.removeEventListener('abort', onLost);
      subscription.unsubscribe();
      settle();
    };
    const watch = (): void => {
      timer = world.clock.setTimeout(() => {
        if (!seen) return finish(() => reject(new ApiError('Timeout', 'reading the log: the server went silent')));
        seen = false;
        watch();
      }, SILENCE_MS);
    };
    const onMessage = (message: Msg): void => {
      seen = true;
      const { code, description, values } = rawHeaders(message);
      if (code === 404) return finish(() => resolve({ messages, end: true }));
      if (code === 204) return finish(() => resolve({ messages, end: values['Nats-Num-Pending'] === '0' }));
      if (code !== 0) {
        const reason = code === 413 || code === 400 ? 'InternalError' : 'ServiceUnavailable';
        return finish(() => reject(new ApiError(reason, `reading the log: ${code} ${description}`)));
      }
      const before = Number(values['Nats-Last-Sequence'] ?? 0);
      const last = messages.at(-1)?.sequence ?? 0;
      // A hole within the batch: what follows cannot be used. Ask again from where it was whole.
      if (before !== last) return finish(() => resolve({ messages, end: false }));
      messages.push({
        sequence: Number(values['Nats-Sequence']),
        subject: values['Nats-Subject'] ?? '',
        headers: values,
        data: message.data,
      });
    };
    const subscription = connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error === null) onMessage(message);
      },
    });
    function onLost(): void {
      finish(() => reject(signal.reason as Error));
    }
    signal.addEventListener('abort', onLost, { once: true });
    watch();
    connection.publish(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(query), { reply: inbox });
  });
}
