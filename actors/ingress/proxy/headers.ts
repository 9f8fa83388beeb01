/** Of one connection only, or of this server. Source: RFC 9110 7.6.1; net/http/httputil hopHeaders. */
const HOP: ReadonlySet<string> = new Set([
  'connection', 'proxy-connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer',
  'transfer-encoding', 'upgrade', 'http2-settings',
]); // prettier-ignore
/** Said by this server: what a client says of itself here is not believed. */
const OURS: ReadonlySet<string> = new Set([
  'host', 'expect', 'content-length', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto', 'x-real-ip',
]); // prettier-ignore

export interface Sender {
  readonly authority: string;
  readonly address: string;
  readonly port: number;
  readonly secure: boolean;
}
/** How the body's end is known: by its length, by itself, or there is none. */
export type Framing = { readonly length: string } | 'chunked' | 'none';

/** The head of the request as the backend is asked. `raw`: names and values, alternating. */
export function requestHead(
  method: string,
  target: string,
  raw: readonly string[],
  sender: Sender,
  framing: Framing,
  upgrade?: string,
): string {
  const named = namedBy(raw);
  let head = `${method} ${target} HTTP/1.1\r\nHost: ${sender.authority}\r\n`;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!;
    const lower = name.toLowerCase();
    if (HOP.has(lower) || isOurs(lower) || lower.charCodeAt(0) === COLON || named?.has(lower)) continue;
    head += `${name}: ${raw[i + 1]!}\r\n`;
  }
  if (framing === 'chunked') head += 'Transfer-Encoding: chunked\r\n';
  else if (framing !== 'none') head += `Content-Length: ${framing.length}\r\n`;
  if (upgrade !== undefined) head += `Connection: Upgrade\r\nUpgrade: ${upgrade}\r\n`;
  return `${head}X-Forwarded-For: ${sender.address}\r\nX-Forwarded-Host: ${sender.authority}\r\nX-Forwarded-Port: ${sender.port}\r\nX-Forwarded-Proto: ${sender.secure ? 'https' : 'http'}\r\nX-Real-Ip: ${sender.address}\r\n\r\n`;
}
const COLON = 58;
/** Servers of some languages read `_` as `-`. */
const isOurs = (lower: string): boolean =>
  OURS.has(lower) || (lower.includes('_') && OURS.has(lower.replaceAll('_', '-')));

/** Headers that Connection says are of one connection only. */
function namedBy(raw: readonly string[]): Set<string> | undefined {
  let named: Set<string> | undefined;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]!.length !== 10 || raw[i]!.toLowerCase() !== 'connection') continue;
    const value = raw[i + 1]!.toLowerCase();
    if (value === 'keep-alive' || value === 'close') continue;
    named ??= new Set();
    for (const token of value.split(',')) named.add(token.trim());
  }
  return named;
}
/** Headers of the backend's answer that the client is told, names and values alternating. */
export function answerHeaders(raw: readonly string[]): string[] {
  const named = namedBy(raw);
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const lower = raw[i]!.toLowerCase();
    if (!HOP.has(lower) && !named?.has(lower)) out.push(raw[i]!, raw[i + 1]!);
  }
  return out;
}
/** Values of a header among names and values. */
export function valuesOf(raw: readonly string[], name: string): string[] {
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2)
    if (raw[i]!.length === name.length && raw[i]!.toLowerCase() === name) out.push(raw[i + 1]!);
  return out;
}
