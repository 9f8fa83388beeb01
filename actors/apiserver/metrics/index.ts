/**
 * `/metrics` under the names that Kubernetes gives them. `createMetrics()` counts in plain fields, at a fraction of a
 * microsecond a request, and builds text only when scraped: `series(info, dryRun)` once per request, then
 * `observe(code, seconds)` on it. Source: apiserver pkg/endpoints/metrics/metrics.go.
 */
import type { Bus } from '../../../bus/bus.ts';
import { processMetrics } from '../../runtime/metrics/process.ts';
import { head, Histogram, labelText, LATENCY_BUCKETS } from '../../runtime/metrics/series.ts';
import type { PathHandler, RequestInfo } from '../request.ts';
import { componentMetrics } from './components.ts';

/** All requests of one verb on one resource. */
export interface RequestSeries {
  observe(code: number, seconds: number): void;
  /** A watch, log or exec began; call the result when it ended. */
  longRunning(): () => void;
}
export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];
export interface Metrics {
  /** `apply`: the verb of a server-side apply. */
  series(info: RequestInfo, options?: { readonly dryRun?: boolean; readonly apply?: boolean }): RequestSeries;
  /** Between the two a request counts as in flight. */
  begin(mutating: boolean): void;
  end(mutating: boolean): void;
  /** `error`: of bad credentials; `failure`: of none where some are needed. `user`: of success. */
  authenticated(result: 'success' | 'failure' | 'error', seconds: number, user?: string): void;
  authorized(result: 'allowed' | 'denied' | 'no-opinion' | 'error', seconds: number): void;
  /** A value that someone else keeps, read at each scrape. */
  collect(
    name: string,
    type: 'gauge' | 'counter',
    stability: 'STABLE' | 'BETA' | 'ALPHA' | 'INTERNAL',
    help: string,
    read: () => Iterable<Sample>,
  ): void;
  /** Lines that someone else makes, at each scrape. */
  section(render: () => readonly string[]): void;
  render(): Promise<string>;
}

const VERBS: Readonly<Record<string, string>> = {
  get: 'GET', list: 'LIST', watch: 'WATCH', create: 'POST', update: 'PUT', patch: 'PATCH', delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION', post: 'POST', put: 'PUT', head: 'HEAD', options: 'OPTIONS', connect: 'CONNECT',
}; // prettier-ignore
/** Source: apiserver pkg/endpoints/metrics CleanScope. */
const scopeOf = (info: RequestInfo): string =>
  info.name !== '' || info.verb === 'create'
    ? 'resource'
    : info.namespace !== ''
      ? 'namespace'
      : info.isResource
        ? 'cluster'
        : '';

const AUTHENTICATION = 'authentication_duration_seconds';
const AUTHORIZATION = 'authorization_duration_seconds';
/** Seconds. Source: apiserver pkg/endpoints/filters/metrics.go. */
const ACCESS_BUCKETS = Array.from({ length: 15 }, (_, i) => 0.001 * 2 ** i);
const KNOWN = new Set(['admin', 'client', 'kube_proxy', 'kubelet', 'system:serviceaccount:kube-system:default']);
/** Names themselves are nobody's business, and too many. Source: apiserver pkg/endpoints/filters compressUsername. */
const sortOf = (user: string): string => (KNOWN.has(user) ? user : user.includes('@') ? 'email_id' : 'other');

class Series implements RequestSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly dryRun: string;
  readonly codes = new Map<number, number>();
  readonly latency = new Histogram(LATENCY_BUCKETS);
  running = 0;
  constructor(labels: Readonly<Record<string, string>>, dryRun: string) {
    this.labels = labels;
    this.dryRun = dryRun;
  }
  observe(code: number, seconds: number): void {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
    this.latency.add(seconds);
  }
  longRunning(): () => void {
    this.running++;
    let ended = false;
    return () => {
      if (!ended) this.running--;
      ended = true;
    };
  }
}

export function createMetrics(): Metrics {
  const all = new Map<string, Series>();
  const inflight = { readOnly: 0, mutating: 0 };
  const authentication = new Map<string, { count: number; readonly latency: Histogram }>();
  const users = new Map<string, number>();
  const authorization = new Map<string, { count: number; readonly latency: Histogram }>();
  const collectors: (() => string[])[] = [];
  const bump = (map: Map<string, number>, key: string): void => void map.set(key, (map.get(key) ?? 0) + 1);

  const requests = (): string[] => {
    const total = head('apiserver_request_total', 'counter', 'STABLE', 'Requests by verb, resource and status code.');
    const latency = head('apiserver_request_duration_seconds', 'histogram', 'STABLE', 'Time to answer, in seconds.');
    const running = head('apiserver_longrunning_requests', 'gauge', 'STABLE', 'Watches and streams that are open.');
    for (const s of all.values()) {
      for (const [code, count] of s.codes)
        total.push(
          `apiserver_request_total{${labelText({ code: String(code), dry_run: s.dryRun, ...s.labels })}} ${count}`,
        );
      if (s.codes.size > 0 && s.labels['verb'] !== 'WATCH')
        latency.push(
          ...s.latency.render('apiserver_request_duration_seconds', labelText({ dry_run: s.dryRun, ...s.labels })),
        );
      if (s.running > 0) running.push(`apiserver_longrunning_requests{${labelText(s.labels)}} ${s.running}`);
    }
    return [...total, ...latency, ...running];
  };
  const authenticationLines = (): string[] => [
    ...head('authentication_attempts', 'counter', 'ALPHA', 'Requests by outcome of authentication.'),
    ...[...authentication].map(([result, { count }]) => `authentication_attempts{result="${result}"} ${count}`),
    ...head(AUTHENTICATION, 'histogram', 'ALPHA', 'Time of authentication in seconds, by outcome.'),
    ...[...authentication].flatMap(([result, { latency }]) => [...latency.render(AUTHENTICATION, `result="${result}"`)]),
    ...head('authenticated_user_requests', 'counter', 'ALPHA', 'Requests of those whose credentials are good, by sort of user.'),
    ...[...users].map(([username, count]) => `authenticated_user_requests{username="${username}"} ${count}`),
  ]; // prettier-ignore
  const authorizationLines = (): string[] => [
    ...head('authorization_attempts_total', 'counter', 'ALPHA', 'Requests by outcome of authorization.'),
    ...[...authorization].map(([result, { count }]) => `authorization_attempts_total{result="${result}"} ${count}`),
    ...head(AUTHORIZATION, 'histogram', 'ALPHA', 'Time of authorization in seconds, by outcome.'),
    ...[...authorization].flatMap(([result, { latency }]) => [...latency.render(AUTHORIZATION, `result="${result}"`)]),
  ];
  return {
    series(info, options) {
      const dryRun = options?.dryRun === true ? 'All' : '';
      const scope = scopeOf(info);
      const verb = options?.apply === true ? 'APPLY' : (VERBS[info.verb] ?? 'other');
      const key = `${verb} ${info.group} ${info.version} ${info.resource} ${info.subresource} ${scope} ${dryRun}`;
      let found = all.get(key);
      if (found === undefined) {
        const { group, resource, subresource, version } = info;
        found = new Series({ component: 'apiserver', group, resource, scope, subresource, verb, version }, dryRun);
        all.set(key, found);
      }
      return found;
    },
    begin: (mutating) => void inflight[mutating ? 'mutating' : 'readOnly']++,
    end: (mutating) => void inflight[mutating ? 'mutating' : 'readOnly']--,
    authenticated(result, seconds, user) {
      let found = authentication.get(result);
      if (found === undefined)
        authentication.set(result, (found = { count: 0, latency: new Histogram(ACCESS_BUCKETS) }));
      found.count++;
      found.latency.add(seconds);
      if (user !== undefined) bump(users, sortOf(user));
    },
    authorized(result, seconds) {
      let found = authorization.get(result);
      if (found === undefined)
        authorization.set(result, (found = { count: 0, latency: new Histogram(ACCESS_BUCKETS) }));
      found.count++;
      found.latency.add(seconds);
    },
    collect(name, type, stability, help, read) {
      collectors.push(() => [
        ...head(name, type, stability, help),
        ...[...read()].map(([labels, value]) => {
          const text = labelText(labels);
          return `${name}${text === '' ? '' : `{${text}}`} ${value}`;
        }),
      ]);
    },
    section: (render) => void collectors.push(() => [...render()]),
    async render() {
      const lines = [
        ...requests(),
        ...head('apiserver_current_inflight_requests', 'gauge', 'STABLE', 'Requests being worked on.'),
        `apiserver_current_inflight_requests{request_kind="mutating"} ${inflight.mutating}`,
        `apiserver_current_inflight_requests{request_kind="readOnly"} ${inflight.readOnly}`,
        ...authenticationLines(),
        ...authorizationLines(),
        ...head('kubernetes_build_info', 'gauge', 'ALPHA', 'Always 1; the version is in the labels.'),
        'kubernetes_build_info{git_version="v1.36.3",major="1",minor="36"} 1',
        ...collectors.flatMap((collector) => collector()),
      ];
      return `${lines.join('\n')}\n${await processMetrics()}`;
    },
  };
}

const TEXT = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores';
/** `/metrics`, with `?component=` those of a component that only the bus reaches, and `/metrics/slis`. */
export function createMetricsHandler(metrics: Metrics, bus: Bus): PathHandler {
  return ({ path, query }) => {
    if (path === '/metrics') {
      const component = query.get('component');
      const text = component === null ? metrics.render() : componentMetrics(bus, component);
      return text.then((body) => ({ code: 200, headers: { 'Content-Type': TEXT }, body }));
    }
    if (path !== '/metrics/slis') return undefined;
    const lines = [
      ...head('kubernetes_healthcheck', 'gauge', 'STABLE', 'Whether the last check of that name passed.'),
      ...['healthz', 'livez', 'readyz'].map((type) => `kubernetes_healthcheck{name="ping",type="${type}"} 1`),
    ];
    return { code: 200, headers: { 'Content-Type': TEXT }, body: `${lines.join('\n')}\n` };
  };
}
