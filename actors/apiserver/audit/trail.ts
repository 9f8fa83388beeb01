import type { Status } from '../../../schemas/meta/status.ts';
import { formatMicroTime } from '../../../schemas/meta/time.ts';
import { goJson } from '../../../schemas/codec/go-json.ts';
import type { AboutObject, RequestInfo, UserInfo } from '../request.ts';
import { isAtLeast, type AuditRule, type Level, type Stage } from './policy.ts';
import { legacyLine, type AuditedEvent, type AuditSink } from './sink.ts';

/** What is known when a request has come and its user is known, or is known to be nobody. */
export interface AuditedRequest {
  readonly auditId: string;
  readonly uri: string;
  readonly user: UserInfo | undefined;
  readonly info: RequestInfo;
  readonly sourceIPs: readonly string[];
  readonly userAgent: string;
}
const MAX_AGENT = 1024;
/** Source: apiserver plugin/pkg/audit/truncate. */
const TRUNCATED = 'audit.k8s.io/truncated';
/** Subresources that last as long as their client likes. Source: kube-apiserver genericfilters BasicLongRunningRequestCheck. */
const LONG: ReadonlySet<string> = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);

/**
 * What is noted about one request: audit.k8s.io/v1 Event, written once for each of its stages. Source: apiserver
 * pkg/audit, pkg/endpoints/filters/audit.go.
 */
export class AuditTrail {
  readonly #rule: AuditRule;
  readonly #sink: AuditSink;
  readonly #now: () => number;
  readonly #received: number;
  readonly #request: AuditedRequest;
  readonly #object: Record<string, string> | undefined;
  readonly #annotations = new Map<string, string>();
  #impersonated: { readonly user: UserInfo; readonly constraint: string } | undefined;
  #asked: string | undefined;
  #answered: string | undefined;
  #status: Partial<Status> | undefined;
  readonly #isLong: boolean;
  #receipt: boolean | Promise<boolean> | undefined;
  #started = false;
  #completed = false;

  constructor(rule: AuditRule, sink: AuditSink, request: AuditedRequest, now: () => number) {
    this.#rule = rule;
    this.#sink = sink;
    this.#request = request;
    this.#now = now;
    this.#received = now();
    const { info } = request;
    this.#isLong = info.verb === 'watch' || info.verb === 'proxy' || LONG.has(info.subresource);
    this.#object = info.isResource
      ? { resource: info.resource, namespace: info.namespace, name: info.name, uid: '', apiGroup: info.group, apiVersion: info.version, resourceVersion: '', subresource: info.subresource } // prettier-ignore
      : undefined;
  }
  get level(): Level {
    return this.#rule.level;
  }
  /** What has been said once stays. */
  annotate(key: string, value: string, from: Level = 'Metadata'): void {
    if (isAtLeast(this.level, from) && !this.#annotations.has(key)) this.#annotations.set(key, value);
  }
  impersonated(user: UserInfo, constraint: string): void {
    this.#impersonated = { user, constraint };
  }
  /** The object of the body; `print` shows it in the version and order of the wire. */
  asks(metadata: AboutObject | undefined, print: () => unknown): void {
    const about = this.#object;
    if (about !== undefined)
      for (const key of ['namespace', 'name', 'uid', 'resourceVersion'] as const)
        if (about[key] === '') about[key] = metadata?.[key] ?? '';
    if (isAtLeast(this.level, 'Request')) this.#asked = goJson(this.#lean(print()));
  }
  /** A patch as it was sent. */
  asksPatch(value: unknown): void {
    if (isAtLeast(this.level, 'Request')) this.#asked = goJson(value);
  }
  /** What is answered; `status` if that is a Status. `print` gives its JSON. */
  answers(status: Partial<Status> | undefined, print: () => string): void {
    if (status !== undefined) this.#status = status;
    if (!isAtLeast(this.level, 'RequestResponse')) return;
    const text = print().trimEnd();
    this.#answered = this.#rule.omitManagedFields ? goJson(this.#lean(JSON.parse(text))) : text;
  }
  /** Whether that is kept, or going to be; asked again, it says the same. */
  received(): boolean | Promise<boolean> {
    return (this.#receipt ??= this.#write('RequestReceived', this.#received));
  }
  /** Where the answer waits for its event to be kept, that; `code` is the answer's. */
  beforeAnswer(code: number): Promise<unknown> | undefined {
    if (!this.#sink.waits) return undefined;
    return Promise.all([this.starts(code), this.ends()]);
  }
  /** Nobody knows the user: of such requests there is one event. */
  refused(how: string): void {
    this.#status = { message: how };
    this.#completed = true;
  }
  /** The answer begins. */
  starts(code: number): boolean | Promise<boolean> {
    if (this.#started) return true;
    this.#started = true;
    this.#status = { ...this.#status, code };
    return this.#isLong || this.#completed ? this.#write('ResponseStarted', this.#now()) : true;
  }
  ends(): boolean | Promise<boolean> {
    if (this.#completed) return true;
    this.#completed = true;
    return this.#write('ResponseComplete', this.#now());
  }
  #lean(value: unknown): unknown {
    if (!this.#rule.omitManagedFields || typeof value !== 'object' || value === null) return value;
    const { metadata, items, rows, ...rest } = value as { metadata?: object; items?: unknown[]; rows?: unknown[] };
    const isRow = 'object' in rest && 'cells' in rest;
    const { managedFields: _, ...kept } = (metadata ?? {}) as { managedFields?: unknown };
    return {
      ...Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === 'metadata' ? kept : v])),
      ...(items !== undefined && { items: items.map((item) => this.#lean(item)) }),
      ...(rows !== undefined && { rows: rows?.map((row) => this.#lean(row)) }),
      ...(isRow && { object: this.#lean((rest as { object: unknown }).object) }),
    };
  }
  #write(stage: Stage, at: number): boolean | Promise<boolean> {
    if (this.#rule.omitStages.has(stage)) return true;
    const { auditId, uri, user, info, sourceIPs, userAgent } = this.#request;
    const agent = userAgent.length > MAX_AGENT ? `${userAgent.slice(0, MAX_AGENT)}...TRUNCATED` : userAgent;
    const event: Record<string, unknown> = {
      kind: 'Event', apiVersion: 'audit.k8s.io/v1', level: this.level, auditID: auditId, stage, requestURI: uri,
      verb: info.verb, user: shownUser(user),
    }; // prettier-ignore
    const other = this.#impersonated;
    if (other !== undefined) {
      event['impersonatedUser'] = shownUser(other.user);
      if (other.constraint !== '') event['authenticationMetadata'] = { impersonationConstraint: other.constraint };
    }
    if (sourceIPs.length > 0) event['sourceIPs'] = sourceIPs;
    if (agent !== '') event['userAgent'] = agent;
    if (this.#object !== undefined)
      event['objectRef'] = Object.fromEntries(Object.entries(this.#object).filter(([, v]) => v !== ''));
    if (this.#status !== undefined) event['responseStatus'] = shownStatus(this.#status);
    const times = { requestReceivedTimestamp: formatMicroTime(this.#received), stageTimestamp: formatMicroTime(at) };
    const notes = Object.fromEntries([...this.#annotations].toSorted(([a], [b]) => (a < b ? -1 : 1)));
    const ending = (annotations: object): string =>
      goJson({ ...times, ...(Object.keys(annotations).length > 0 && { annotations }) }).slice(1);
    // The objects are printed already.
    const objects = `${this.#asked === undefined ? '' : `,"requestObject":${this.#asked}`}${this.#answered === undefined ? '' : `,"responseObject":${this.#answered}`}`; // prettier-ignore
    const beginning = goJson(event).slice(0, -1);
    const audited: AuditedEvent = {
      line: `${beginning}${objects},${ending(notes)}`,
      legacy: () => legacyLine(event, times.requestReceivedTimestamp),
      ...(isAtLeast(this.level, 'Request') && {
        // Annotations are in the order of their keys.
        truncated: () => `${beginning},${ending(sortedKeys({ ...notes, [TRUNCATED]: 'true' }))}`,
      }),
    };
    return this.#sink.write(audited);
  }
}
const sortedKeys = (map: Readonly<Record<string, string>>): object =>
  Object.fromEntries(Object.entries(map).toSorted(([a], [b]) => (a < b ? -1 : 1)));
const shownUser = (user: UserInfo | undefined): object => ({
  ...(user?.name && { username: user.name }),
  ...(user?.uid && { uid: user.uid }),
  ...(user !== undefined && user.groups.length > 0 && { groups: user.groups }),
  ...(user?.extra !== undefined && Object.keys(user.extra).length > 0 && { extra: user.extra }),
});
const shownStatus = ({ status, message, reason, details, code }: Partial<Status>): object => ({
  metadata: {},
  ...(status && { status }),
  ...(message && { message }),
  ...(reason && { reason }),
  ...(details !== undefined && { details }),
  code,
});

/** Why nobody was believed. Source: apiserver pkg/endpoints/filters/authn_audit.go. */
export function attempted(authorization: string | undefined, accessToken: string | null, certificate: boolean): string {
  const [scheme = '', ...rest] = (authorization ?? '').trim().split(' ');
  const tried = [
    ...(scheme.toLowerCase() === 'basic' && rest.length > 0 ? ['basic'] : []),
    ...(scheme.toLowerCase() === 'bearer' && rest.length > 0 ? ['bearer'] : []),
    ...((accessToken ?? '').trim() === '' ? [] : ['access_token']),
    ...(certificate ? ['x509'] : []),
  ];
  return tried.length > 0
    ? `Authentication failed, attempted: ${tried.join(', ')}`
    : 'Authentication failed, no credentials provided';
}
