/**
 * A webhook that the operator named in a kubeconfig file: TokenReviews, SubjectAccessReviews, audit events go there.
 * `createKubeconfigWebhook({ world, server })` posts JSON and repeats what may have been a passing trouble.
 */
import { delay, type World } from '../../../bus/world.ts';
import { BadAnswer, readObject } from './answer.ts';
import { createOutbound, type Outbound, type OutboundAnswer } from '../../runtime/outbound/outbound.ts';
import { webhookUrl } from './webhook-url.ts';

/** What a kubeconfig says of the server of its current context: files are read already. Its secrets are never logged. */
export interface WebhookServer {
  /** Begins with `https://`. */
  readonly url: string;
  /** PEM of whom to trust; default: whom the system trusts. */
  readonly ca?: string | undefined;
  /** The name that its certificate is to have, if not that of the URL. */
  readonly serverName?: string | undefined;
  /** Its certificate is not looked at. */
  readonly insecure?: boolean | undefined;
  /** PEM, of this client. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
  /** What `Authorization` says; asked anew for each request, since a file may hold it that changes. */
  readonly authorization?: (() => string) | undefined;
}
export interface WebhookAttempt {
  /** Of the answer, or `<error>`. */
  readonly code: string;
  readonly seconds: number;
  /** The time was over. */
  readonly late?: boolean;
}
export interface KubeconfigWebhook {
  /**
   * Its answer, which is a success; read it with `readObject` of answer.ts. Repeats after half a second and more what
   * a server in trouble says (429, 500, 504 ..., a reset connection), four times. Throws: the last failure, BadAnswer or
   * Error, in the words of client-go. `signal` ends it at any time.
   */
  post(
    body: object | Uint8Array,
    signal?: AbortSignal,
    onAttempt?: (attempt: WebhookAttempt) => void,
  ): Promise<OutboundAnswer>;
  /** Gives up what is under way, and closes connections that are kept. */
  close(): void;
}
/** Source: apiserver pkg/util/webhook webhook.go defaultRequestTimeout. */
const TIMEOUT_MS = 30_000;
/** Source: apiserver pkg/server/options/authentication.go DefaultAuthWebhookRetryBackoff. */
const INITIAL_BACKOFF_MS = 500;
const FACTOR = 1.5;
const JITTER = 0.2;
const STEPS = 5;
const MAX_BYTES = 3 * 1024 * 1024;
const MAX_RETRY_AFTER_SECONDS = 30;

/** Source: apiserver pkg/util/webhook webhook.go GenericWebhook, client-go rest. */
export function createKubeconfigWebhook({
  world,
  server,
  initialBackoffMs = INITIAL_BACKOFF_MS,
  maxBytes = MAX_BYTES,
  timeoutMs = TIMEOUT_MS,
  repeats = isPassing,
  onAttempt,
}: {
  readonly world: Pick<World, 'clock' | 'random'>;
  readonly server: WebhookServer;
  readonly initialBackoffMs?: number | undefined;
  /** Of an answer; more is an error. */
  readonly maxBytes?: number | undefined;
  /** Of each attempt. */
  readonly timeoutMs?: number | undefined;
  /** Which failures are not the last word; default: those that may pass. */
  readonly repeats?: ((error: unknown) => boolean) | undefined;
  /** For metrics. */
  readonly onAttempt?: ((attempt: WebhookAttempt) => void) | undefined;
}): KubeconfigWebhook {
  const { call, close } = createOutbound(world, { maxBytes });
  const closed = new AbortController();
  const attempt = async (body: Uint8Array, given: AbortSignal, tell = onAttempt): Promise<OutboundAnswer> => {
    const start = world.clock.now();
    const told = (code: string, late = false): void =>
      tell?.({ code, seconds: (world.clock.now() - start) / 1000, late });
    const { signal, end } = limited(world, given, timeoutMs);
    try {
      const answer = await ask(call, server, body, signal, timeoutMs);
      told(String(answer.status));
      return answer;
    } catch (error) {
      told('<error>', signal.aborted && !given.aborted);
      throw error;
    } finally {
      end();
    }
  };
  return {
    close() {
      closed.abort(new Error('context canceled'));
      close();
    },
    async post(object, given, tell) {
      const signal = given === undefined ? closed.signal : AbortSignal.any([closed.signal, given]);
      const body = object instanceof Uint8Array ? object : Buffer.from(JSON.stringify(object));
      let waitMs = initialBackoffMs;
      for (let step = 1; ; step++) {
        let after = 0;
        try {
          const answer = await attempt(body, signal, tell);
          if (answer.status >= 200 && answer.status <= 206) return answer;
          after = retryAfterSeconds(answer);
          await readObject(answer);
        } catch (error) {
          if (step >= STEPS || signal.aborted || !(after > 0 || repeats(error))) throw error;
          await delay(world.clock, Math.max(waitMs * (1 + JITTER * world.random()), after * 1000), signal).catch(() => {
            throw error;
          });
          waitMs *= FACTOR;
        }
      }
    },
  };
}
const ask = (
  call: Outbound,
  server: WebhookServer,
  body: Uint8Array,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<OutboundAnswer> =>
  call({
    method: 'POST',
    url: webhookUrl({ url: server.url }, timeoutMs / 1000),
    ca: server.ca,
    serverName: server.serverName,
    insecure: server.insecure,
    certificate: server.certificate,
    headers: {
      accept: 'application/json, */*',
      'content-type': 'application/json',
      ...(server.authorization !== undefined && { authorization: server.authorization() }),
    },
    body,
    signal,
  });
/** Ends with the one given, and by itself when the time is over. */
function limited(
  { clock }: Pick<World, 'clock'>,
  given: AbortSignal,
  timeoutMs: number,
): { signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(given.reason);
  if (given.aborted) onAbort();
  given.addEventListener('abort', onAbort, { once: true });
  const late = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
  const timer = clock.setTimeout(() => controller.abort(new Error(late)), timeoutMs);
  return {
    signal: controller.signal,
    end() {
      clock.clearTimeout(timer);
      given.removeEventListener('abort', onAbort);
    },
  };
}
/** Source: apiserver pkg/util/webhook webhook.go DefaultShouldRetry. */
function isPassing(error: unknown): boolean {
  if (error instanceof BadAnswer) return error.code === 429 || (error.code >= 500 && error.code !== 503);
  const { code, syscall } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  return code === 'ECONNRESET' && syscall === 'read';
}
/** A server that says when to come again is asked again, whatever else it says. Source: apimachinery SuggestsClientDelay. */
function retryAfterSeconds({ status, headers }: OutboundAnswer): number {
  const said = headers['retry-after'] ?? '';
  if ((status !== 429 && status < 500) || !/^\d+$/.test(said)) return 0;
  return Math.min(Number(said), MAX_RETRY_AFTER_SECONDS);
}
