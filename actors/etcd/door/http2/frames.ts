/** Source: RFC 9113 section 6. */
export const TYPE = {
  data: 0, headers: 1, priority: 2, reset: 3, settings: 4, push: 5, ping: 6, goAway: 7, window: 8, continuation: 9,
} as const; // prettier-ignore
export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;
export const SETTING = { enablePush: 2, maxStreams: 3, window: 4, maxFrame: 5, maxHeaders: 6 } as const;
/** Source: RFC 9113 section 7. */
export const CODE = {
  none: 0, protocol: 1, internal: 2, flowControl: 3, streamClosed: 5, frameSize: 6, refused: 7, cancel: 8, compression: 9,
  calm: 11,
} as const; // prettier-ignore
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const HEAD_BYTES = 9;
/** The default of SETTINGS_INITIAL_WINDOW_SIZE, and what a connection begins with. */
export const DEFAULT_WINDOW = 65_535;
export const MAX_WINDOW = 0x7fff_ffff;
/** The default of SETTINGS_MAX_FRAME_SIZE: we neither read nor write longer ones. */
export const MAX_FRAME = 16_384;

/** The connection is over: what was read of it can no longer be trusted. */
export class ConnectionError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The nine bytes before a frame's payload of `length` bytes. */
export function frameHead(type: number, flags: number, stream: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return head;
}
export const frameOf = (type: number, flags: number, stream: number, payload: Uint8Array): Buffer =>
  Buffer.concat([frameHead(type, flags, stream, payload.length), payload]);

/** A frame whose payload is numbers of 32 bits: RST_STREAM, WINDOW_UPDATE, GOAWAY. */
export function numbersFrame(type: number, stream: number, ...numbers: readonly number[]): Buffer {
  const payload = Buffer.allocUnsafe(4 * numbers.length);
  for (const [i, number] of numbers.entries()) payload.writeUInt32BE(number, 4 * i);
  return frameOf(type, 0, stream, payload);
}
export function settingsFrame(settings: readonly (readonly [setting: number, value: number])[]): Buffer {
  const payload = Buffer.allocUnsafe(6 * settings.length);
  for (const [i, [setting, value]] of settings.entries()) {
    payload.writeUInt16BE(setting, 6 * i);
    payload.writeUInt32BE(value, 6 * i + 2);
  }
  return frameOf(TYPE.settings, 0, 0, payload);
}
/** What is left of a DATA's or HEADERS' payload without padding and priority. Thrown: ConnectionError. */
export function contentOf(flags: number, payload: Buffer, hasPriority: boolean): Buffer {
  const isPadded = (flags & FLAG.padded) !== 0;
  const from = (isPadded ? 1 : 0) + (hasPriority && (flags & FLAG.priority) !== 0 ? 5 : 0);
  const to = payload.length - (isPadded ? (payload[0] ?? 0) : 0);
  if (from > to) throw new ConnectionError(CODE.protocol, 'more padding than payload');
  return payload.subarray(from, to);
}
