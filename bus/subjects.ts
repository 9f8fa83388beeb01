/**
 * Every subject of the product is built here and nowhere else (grammar: ARCHITECTURE.md, Subjects).
 * A token is escaped reversibly: `=XX` per byte of what NATS or readability forbids, `_` for the empty string.
 */
const PLAIN = /^[A-Za-z0-9-]+(?:_[A-Za-z0-9_-]*)?$/;

export function escapeToken(text: string): string {
  if (text === '') return '_';
  if (PLAIN.test(text)) return text;
  if (text === '_') return '=5F';
  if (ASCII.test(text)) return text.replace(SPECIAL, (char) => escapeByte(char.charCodeAt(0)));
  let out = '';
  for (const byte of new TextEncoder().encode(text)) {
    const char = String.fromCharCode(byte);
    out += char.replace(SPECIAL, () => escapeByte(byte));
  }
  return out;
}
const ASCII = /^[ -~]*$/;
const SPECIAL = /[^A-Za-z0-9_-]/g;
const escapeByte = (byte: number): string => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
export function unescapeToken(token: string): string {
  if (token === '_') return '';
  if (!token.includes('=')) return token;
  // As escapeToken() writes what is plain text: nearly all there is.
  if (ESCAPED_ASCII.test(token))
    return token.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const bytes: number[] = [];
  for (let i = 0; i < token.length; i++) {
    if (token[i] === '=') {
      bytes.push(Number.parseInt(token.slice(i + 1, i + 3), 16));
      i += 2;
    } else bytes.push(token.charCodeAt(i));
  }
  return new TextDecoder().decode(new Uint8Array(bytes));
}
const ESCAPED_ASCII = /^(?:[ -<>-~]|=[0-7][0-9A-F])*$/;
const ESCAPE = /=(..)/g;

const ROOT = 'kubus.v1';

/** Who, what, and on which resource. `resource` includes a subresource: `pods/status`. */
export interface ApiAddress {
  readonly caller: string;
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
}
export const api = (a: ApiAddress): string =>
  `${ROOT}.api.${[a.caller, a.verb, a.group, a.version, a.resource, a.namespace, a.name].map(escapeToken).join('.')}`;
export function parseApi(subject: string): ApiAddress {
  const t = subject.split('.').slice(3).map(unescapeToken);
  return {
    caller: t[0] ?? '',
    verb: t[1] ?? '',
    group: t[2] ?? '',
    version: t[3] ?? '',
    resource: t[4] ?? '',
    namespace: t[5] ?? '',
    name: t[6] ?? '',
  };
}
/** All that `caller` may ask of the API; `*` for any caller (the apiserver's own subscription). */
export const apiOf = (caller: string): string => `${ROOT}.api.${caller === '*' ? '*' : escapeToken(caller)}.>`;

export const etcd = (verb: string): string => `${ROOT}.etcd.${verb}`;
export const etcdAll = `${ROOT}.etcd.*`;

/** `/registry/pods/default/web` <-> `registry.pods.default.web`; a `.` within a segment is `=2E`. */
export const keyToken = (key: string): string =>
  `${key.startsWith('/') ? '' : UNROOTED}${key.replace(/^\//, '').split('/').map(escapeToken).join('.')}`;
export const tokenKey = (token: string): string => {
  const unrooted = token.startsWith(UNROOTED);
  const parts = (unrooted ? token.slice(UNROOTED.length) : token).split('.').map(unescapeToken);
  return `${unrooted ? '' : '/'}${parts.join('/')}`;
};
/** Before the key of an etcd client that does not begin with a slash: no escaped token is a `=` alone. */
const UNROOTED = '=.';
export const event = (key: string): string => `${ROOT}.event.${keyToken(key)}`;
export const eventAll = `${ROOT}.event.>`;
export const keyOfEvent = (subject: string): string => tokenKey(subject.slice(`${ROOT}.event.`.length));

/** One operation of a node; `*` for that of any node. */
export const node = (name: string, op: string): string =>
  `${ROOT}.node.${name === '*' ? '*' : escapeToken(name)}.${op}`;
/** All operations of a node; `*` for any node. */
export const nodeAll = (name: string): string => `${ROOT}.node.${name === '*' ? '*' : escapeToken(name)}.*`;
/** To any replica of a component that serves a group of the API. */
export const extension = (component: string): string => `${ROOT}.extension.${escapeToken(component)}`;
export const extensionAll = `${ROOT}.extension.*`;
export const presence = (component: string, id: string): string =>
  `${ROOT}.presence.${escapeToken(component)}.${escapeToken(id)}`;
export const presenceOf = (component: string): string =>
  `${ROOT}.presence.${component === '*' ? '*' : escapeToken(component)}.*`;
/** From who watches presence to all: say that you are there, and go on saying it for a while. */
export const rollCall = `${ROOT}.rollcall`;
export function parsePresence(subject: string): { readonly component: string; readonly id: string } {
  const [component = '', id = ''] = subject.split('.').slice(3).map(unescapeToken);
  return { component, id };
}
/**
 * To a candidate for a leadership: look at the leases. Nothing is answered; but the server's word that nobody listens any
 * more tells of the candidate's end at once.
 */
export const probe = (component: string, id: string): string =>
  `${ROOT}.probe.${escapeToken(component)}.${escapeToken(id)}`;
export const probeOf = (component: string): string => `${ROOT}.probe.${escapeToken(component)}.*`;
/** Of any replica of a component. */
export const metricsOf = (component: string): string => `${ROOT}.metrics.${escapeToken(component)}`;
export const metrics = (component: string, id: string): string => `${metricsOf(component)}.${escapeToken(id)}`;
export const metricsEach = (component: string): string => `${metricsOf(component)}.*`;
export const metricsAll = `${ROOT}.metrics.>`;
export const inspect = (component: string, id: string): string =>
  `${ROOT}.inspect.${escapeToken(component)}.${escapeToken(id)}`;
export const inspectOf = (component: string): string => `${ROOT}.inspect.${escapeToken(component)}.*`;
export const inspectAll = `${ROOT}.inspect.>`;
export const control = (component: string, id: string): string =>
  `${ROOT}.control.${escapeToken(component)}.${escapeToken(id)}`;
export const controlOf = (component: string): string =>
  `${ROOT}.control.${component === '*' ? '*' : escapeToken(component)}.*`;

/**
 * A connection's address: `<role>.<token>`, the token unguessable. Its answers arrive below `_INBOX.<address>`, frames of
 * its sessions below `session`, and while it has sessions it beats on `beat`.
 */
export const isAddress = (text: string): boolean => /^[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+$/.test(text);
export const inbox = (address: string): string => `${INBOX}${address}`;
const INBOX = '_INBOX.';
/** Whoever asks names the subject of the answer: nothing but an inbox is answered, or it could speak through others. */
export const isInbox = (subject: string): boolean => subject.startsWith(INBOX);
/** Frames of one session to its client's or to its server's end. */
export const session = (address: string, id: string, to: 'client' | 'server'): string =>
  `${ROOT}.session.${address}.${id}.${to}`;
/** What two connections tell each other about all their sessions. */
export const sessionRoster = (address: string): string => `${ROOT}.session.${address}.roster`;
/** Nobody answers there: that nobody listens is the answer. */
export const sessionProbe = (address: string): string => `${ROOT}.session.${address}.probe`;
export const sessionAll = (address: string): string => `${ROOT}.session.${address}.>`;
export const beat = (address: string): string => `${ROOT}.beat.${address}`;
