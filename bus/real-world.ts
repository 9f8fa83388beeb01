import { randomBytes, randomUUID } from 'node:crypto';
import pino from 'pino';
import type { Clock, Ids, Logger, World } from './world.ts';

export interface RealWorldOptions {
  /** Keys on every line, `component` first. */
  readonly component?: string | undefined;
  /** Lowest level written; default `info`. */
  readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent' | undefined;
  /** Log to this file (appended, created with its folder); default standard error. */
  readonly file?: string | undefined;
  /** Timers that wait do not keep the process alive; default false: they do, as in Node. */
  readonly unrefTimers?: boolean | undefined;
}

/** The World of a running process: the machine's clock, the kernel's randomness, pino's JSON lines. */
export function realWorld(options: RealWorldOptions = {}): World {
  return {
    clock: options.unrefTimers ? unrefClock : realClock,
    random: Math.random,
    ids: realIds,
    log: realLogger(options),
  };
}

const realClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  setTimeout: (fn, ms) => setTimeout(fn, ms),
  clearTimeout: (id) => {
    clearTimeout(id as NodeJS.Timeout);
  },
};
const unrefClock: Clock = { ...realClock, setTimeout: (fn, ms) => setTimeout(fn, ms).unref() };

/** Kubernetes' alphabet for generated names: no vowels, so no words. Source: apimachinery pkg/util/rand. */
export const SAFE_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

const realIds: Ids = {
  uuid: () => randomUUID(),
  suffix: (length) => {
    let out = '';
    while (out.length < length) {
      // 243 = 9 * 27: bytes above it would favour the alphabet's first letters.
      for (const byte of randomBytes(length)) if (byte < 243 && out.length < length) out += SAFE_ALPHABET[byte % 27];
    }
    return out;
  },
  token,
};

/** The kernel is asked once for many tokens: by itself each costs as much as encoding an object. */
const POOL_BYTES = 4096;
let pool = Buffer.alloc(0);
let used = 0;
function token(): string {
  if (used + 16 > pool.length) {
    pool = randomBytes(POOL_BYTES);
    used = 0;
  }
  return pool.toString('base64url', used, (used += 16));
}

/** Of log lines that cannot be written now. */
const MAX_WAITING_CHARACTERS = 1 << 20;

function realLogger(options: RealWorldOptions): Logger {
  const destination = options.file
    ? pino.destination({
        dest: options.file,
        append: true,
        mkdir: true,
        mode: 0o600,
        sync: true,
        maxLength: MAX_WAITING_CHARACTERS,
      })
    : pino.destination({ fd: 2, sync: true, maxLength: MAX_WAITING_CHARACTERS });
  // On a full disk lines are lost, not the process that writes them.
  destination.on('error', () => undefined);
  const base = options.component === undefined ? {} : { component: options.component };
  return fromPino(
    pino(
      {
        base,
        level: options.level ?? 'info',
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { err: pino.stdSerializers.err },
      },
      destination,
    ),
  );
}

function fromPino(log: pino.Logger): Logger {
  return {
    debug: (message, keys) => {
      log.debug(keys ?? {}, message);
    },
    info: (message, keys) => {
      log.info(keys ?? {}, message);
    },
    warn: (message, keys) => {
      log.warn(keys ?? {}, message);
    },
    error: (message, keys) => {
      log.error(keys ?? {}, message);
    },
    child: (keys) => fromPino(log.child(keys)),
  };
}

/**
 * Runs `fn` after the promises and I/O that are due now: a loop over it does not starve the process, as one over
 * microtasks would.
 */
export const soon = (fn: () => void): void => void setImmediate(fn);
