import type { World } from '../../../bus/world.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import type { RequestInfo, UserInfo } from '../request.ts';
import type { AuditRule } from './policy.ts';

/** One stage of one request, told. */
export interface AuditedEvent {
  /** audit.k8s.io/v1 Event in JSON. */
  readonly line: string;
  /** The same without the objects of the request and its answer, and with a word about that; undefined: it has none. */
  readonly truncated?: (() => string) | undefined;
  /** A line for people. */
  readonly legacy: () => string;
}
/** What sinks are given when the server begins. */
export interface AuditParts {
  readonly world: Pick<World, 'clock' | 'random' | 'log'>;
  /** So many events are lost to `plugin`, or were not kept in time; for metrics and the log. */
  readonly failed: (plugin: string, events: number, why: string) => void;
}
/** Where events go. */
export interface AuditSink {
  /** Whether it is kept, or going to be; where somebody has to wait for that, later. */
  write(event: AuditedEvent): boolean | Promise<boolean>;
  /** An answer is held back until what is told of it is kept. */
  readonly waits?: boolean | undefined;
  /** Before the first event. */
  begin?(parts: AuditParts): void;
  /** Resolves when all that came is kept, or lost. */
  close?(): Promise<void>;
}
/** What an API server notes, and where. */
export interface AuditOptions {
  readonly evaluate: (user: UserInfo | undefined, info: RequestInfo) => AuditRule;
  readonly sink: AuditSink;
}

/** All of them: kept is what all keep. */
export function unionSink(sinks: readonly AuditSink[]): AuditSink {
  if (sinks.length === 1) return sinks[0]!;
  return {
    waits: sinks.some(({ waits }) => waits === true),
    write(event) {
      const kept = sinks.map((sink) => sink.write(event));
      const later = kept.filter((one) => one instanceof Promise);
      const now = !kept.includes(false);
      return later.length === 0 ? now : Promise.all(later).then((all) => now && all.every((one) => one));
    },
    begin: (parts) => sinks.forEach((sink) => sink.begin?.(parts)),
    close: async () => void (await Promise.all(sinks.map(async (sink) => sink.close?.()))),
  };
}

interface Shown {
  readonly auditID?: string;
  readonly stage?: string;
  readonly sourceIPs?: readonly string[];
  readonly verb?: string;
  readonly user?: Who;
  readonly impersonatedUser?: Who;
  readonly userAgent?: string;
  readonly objectRef?: { readonly namespace?: string };
  readonly requestURI?: string;
  readonly responseStatus?: { readonly code?: number };
}
interface Who {
  readonly username?: string;
  readonly groups?: readonly string[];
}
/** Source: apiserver pkg/audit/format.go EventString. */
export function legacyLine(event: Shown, received: string): string {
  const groupsOf = ({ groups = [] }: Who): string => groups.map(goQuote).join(',');
  const { user = {}, impersonatedUser: as } = event;
  const parts: readonly (readonly [string, string])[] = [
    ['id', event.auditID ?? ''],
    ['stage', event.stage ?? ''],
    ['ip', event.sourceIPs?.[0] ?? '<unknown>'],
    ['method', event.verb ?? ''],
    ['user', user.username || '<none>'],
    ['groups', user.username && (user.groups ?? []).length > 0 ? groupsOf(user) : '<none>'],
    ['as', as === undefined ? '<self>' : (as.username ?? '')],
    ['asgroups', as?.groups === undefined ? '<lookup>' : groupsOf(as)],
    ['user-agent', event.userAgent ?? ''],
    ['namespace', event.objectRef?.namespace || '<none>'],
    ['uri', event.requestURI ?? ''],
    ['response', event.responseStatus === undefined ? '<deferred>' : String(event.responseStatus.code ?? 0)],
  ];
  // Go leaves out what ends a fraction in zeros.
  const time = received.replace(/\.?0+Z$/, 'Z');
  return `${time} AUDIT: ${parts.map(([name, value]) => `${name}=${goQuote(value)}`).join(' ')}`;
}
