import type { Msg, MsgHdrs } from '@nats-io/transport-node';

/** Status of a message that has no body, e.g. 503 no responders; 0 for an ordinary one. */
export interface RawHeaders {
  readonly code: number;
  readonly description: string;
  readonly values: Readonly<Record<string, string>>;
}
const NONE: RawHeaders = { code: 0, description: '', values: {} };

/** What nats-core keeps of a message before it is asked for its headers (pinned at 3.4.0). */
interface Unparsed {
  readonly _msg?: { readonly hdr: number };
  readonly _rdata?: Uint8Array;
}

/**
 * The headers of a message, read in one pass. nats-core's own reader normalizes and searches every name, ten times the
 * cost, which counts where each committed write is read by every process.
 */
export function rawHeaders(message: Msg): RawHeaders {
  const { _msg, _rdata } = message as unknown as Unparsed;
  if (_msg === undefined || _rdata === undefined) return slowly(message);
  if (_msg.hdr <= 0) return NONE;
  const text = Buffer.from(_rdata.buffer, _rdata.byteOffset, _msg.hdr).toString('latin1');
  return parseHeaders(text);
}

/** `NATS/1.0[ code description]`, then `Name: value` lines, CRLF after each. */
export function parseHeaders(text: string): RawHeaders {
  let end = text.indexOf('\r\n');
  const status = text.slice(8, end < 0 ? undefined : end).trim();
  const values: Record<string, string> = {};
  while (end >= 0) {
    const start = end + 2;
    end = text.indexOf('\r\n', start);
    const colon = text.indexOf(':', start);
    if (colon < 0 || (end >= 0 && colon > end)) continue;
    values[text.slice(start, colon)] = text.slice(colon + 1, end < 0 ? undefined : end).trim();
  }
  if (status === '') return { code: 0, description: '', values };
  const space = status.indexOf(' ');
  return {
    code: Number.parseInt(status, 10) || 0,
    description: space < 0 ? '' : status.slice(space + 1),
    values,
  };
}

function slowly({ headers }: Msg): RawHeaders {
  if (headers === undefined) return NONE;
  const values: Record<string, string> = {};
  for (const key of headers.keys()) values[key] = headers.last(key);
  return { code: headers.code, description: headers.description, values };
}

/**
 * Headers to publish with, written in one go; nats-core's publish() asks for nothing but their bytes (pinned at 3.4.0).
 * Thrown: TypeError for a line break in a value, which would be read as another header.
 */
export function publishedHeaders(values: Readonly<Record<string, string>>): MsgHdrs {
  let text = 'NATS/1.0\r\n';
  for (const name in values) {
    const value = values[name]!;
    if (/[\r\n]/.test(value)) throw new TypeError(`the header ${name} has a line break in its value`);
    text += `${name}: ${value}\r\n`;
  }
  const bytes = Buffer.from(`${text}\r\n`);
  return { encode: () => bytes } as unknown as MsgHdrs;
}
