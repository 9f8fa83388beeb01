import { createHash } from 'node:crypto';
import type { Clock } from '../../../../bus/world.ts';
import type { Metrics } from '../../metrics/index.ts';
import { head, Histogram, labelText } from '../../../runtime/metrics/series.ts';

/** Seconds. Source: apiserver plugin/pkg/authenticator/token/oidc metrics.go. */
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
const [LATENCY, FETCHED, KEYS] = ['latency_seconds', 'jwks_fetch_last_timestamp_seconds', 'jwks_fetch_last_key_set_info'].map((name) => `apiserver_authentication_jwt_authenticator_${name}`) as [string, string, string]; // prettier-ignore
const CONTROLLER = 'apiserver_authentication_config_controller';

export interface JwtMetrics {
  authenticated(issuer: string, result: 'success' | 'failure', seconds: number): void;
  /** `keys`: undefined if they could not be had. */
  fetched(issuer: string, keys: Uint8Array | undefined): void;
  /** Another configuration was found. `text`: that it goes by now; undefined: it stays with the former. */
  reloaded(text: string | undefined): void;
}
const hashOf = (data: string | Uint8Array): string => `sha256:${createHash('sha256').update(data).digest('hex')}`;

/** What is counted of other issuers' tokens, and of the file that names them. `id`: of this API server; `text`: of the file. */
export function createJwtMetrics(
  { metrics, clock }: { readonly metrics: Pick<Metrics, 'section'>; readonly clock: Pick<Clock, 'now'> },
  id: string,
  text: string,
): JwtMetrics {
  const apiserver_id_hash = hashOf(id);
  const latency = new Map<string, { readonly labels: string; readonly histogram: Histogram }>();
  const fetches = new Map<string, number>();
  const keys = new Map<string, string>();
  const reloads = new Map<string, { count: number; at: number }>();
  let config = hashOf(text);
  const seconds = (): number => clock.now() / 1000;
  metrics.section(() => {
    const lines = [
      ...head(`${CONTROLLER}_last_config_info`, 'gauge', 'ALPHA', 'The configuration that is in force, by its hash.'),
      `${CONTROLLER}_last_config_info{${labelText({ apiserver_id_hash, hash: config })}} 1`,
    ];
    if (reloads.size > 0)
      lines.push(
        ...head(`${CONTROLLER}_automatic_reloads_total`, 'counter', 'BETA', 'Changed configurations, by what came of them.'), // prettier-ignore
        ...[...reloads].map(([status, { count }]) => `${CONTROLLER}_automatic_reloads_total{${labelText({ apiserver_id_hash, status })}} ${count}`), // prettier-ignore
        ...head(`${CONTROLLER}_automatic_reload_last_timestamp_seconds`, 'gauge', 'BETA', 'When that was last.'),
        ...[...reloads].map(([status, { at }]) => `${CONTROLLER}_automatic_reload_last_timestamp_seconds{${labelText({ apiserver_id_hash, status })}} ${at}`), // prettier-ignore
      );
    if (latency.size > 0)
      lines.push(
        ...head(LATENCY, 'histogram', 'ALPHA', 'Time to tell whose token it is, in seconds, where it was not remembered.'), // prettier-ignore
        ...[...latency.values()].flatMap(({ labels, histogram }) => [...histogram.render(LATENCY, labels)]),
      );
    if (fetches.size > 0)
      lines.push(
        ...head(FETCHED, 'gauge', 'ALPHA', 'When keys were last asked for, by what came of it.'),
        ...[...fetches].map(([labels, at]) => `${FETCHED}{${labels}} ${at}`),
      );
    if (keys.size > 0)
      lines.push(
        ...head(KEYS, 'gauge', 'ALPHA', 'The keys that are in force, by their hash.'),
        ...[...keys].map(([jwt_issuer_hash, hash]) => `${KEYS}{${labelText({ apiserver_id_hash, hash, jwt_issuer_hash })}} 1`), // prettier-ignore
      );
    return lines;
  });
  return {
    authenticated(issuer, result, took) {
      const key = `${result} ${issuer}`;
      let found = latency.get(key);
      if (found === undefined) {
        found = { labels: labelText({ jwt_issuer_hash: hashOf(issuer), result }), histogram: new Histogram(BUCKETS) };
        latency.set(key, found);
      }
      found.histogram.add(took);
    },
    fetched(issuer, body) {
      const jwt_issuer_hash = hashOf(issuer);
      const result = body === undefined ? 'failure' : 'success';
      fetches.set(labelText({ apiserver_id_hash, jwt_issuer_hash, result }), seconds());
      if (body !== undefined) keys.set(jwt_issuer_hash, hashOf(body));
    },
    reloaded(to) {
      const status = to === undefined ? 'failure' : 'success';
      reloads.set(status, { count: (reloads.get(status)?.count ?? 0) + 1, at: seconds() });
      if (to !== undefined) config = hashOf(to);
    },
  };
}
