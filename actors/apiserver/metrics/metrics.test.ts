import { describe, expect, it } from 'vitest';
import type { RequestInfo } from '../request.ts';
import { createMetrics, createMetricsHandler } from './index.ts';

const info = (more: Partial<RequestInfo> = {}): RequestInfo => ({
  isResource: true, path: '', verb: 'get', group: 'apps', version: 'v1', resource: 'deployments', subresource: '',
  namespace: 'd', name: 'x', ...more,
}); // prettier-ignore

describe('metrics', () => {
  it('count requests by verb, resource, scope and code', async () => {
    const metrics = createMetrics();
    metrics.series(info()).observe(200, 0.004);
    metrics.series(info()).observe(200, 0.2);
    metrics.series(info()).observe(404, 70);
    metrics.series(info({ verb: 'list', name: '', namespace: '' })).observe(200, 0);
    const text = await metrics.render();
    const labels =
      'component="apiserver",group="apps",resource="deployments",scope="resource",subresource="",verb="GET",version="v1"';
    expect(text).toContain(`apiserver_request_total{code="200",dry_run="",${labels}} 2`);
    expect(text).toContain(`apiserver_request_total{code="404",dry_run="",${labels}} 1`);
    expect(text).toContain(`apiserver_request_duration_seconds_bucket{dry_run="",${labels},le="0.005"} 1`);
    expect(text).toContain(`apiserver_request_duration_seconds_bucket{dry_run="",${labels},le="0.2"} 2`);
    expect(text).toContain(`apiserver_request_duration_seconds_bucket{dry_run="",${labels},le="+Inf"} 3`);
    expect(text).toContain('scope="cluster",subresource="",verb="LIST"');
    expect(text).toContain('process_cpu_seconds_total');
  });
  it('count decisions, and how long they took', async () => {
    const metrics = createMetrics();
    metrics.authorized('allowed', 0);
    metrics.authorized('allowed', 0.003);
    metrics.authorized('no-opinion', 0);
    const text = await metrics.render();
    expect(text).toContain('authorization_attempts_total{result="allowed"} 2\n');
    expect(text).toContain('authorization_duration_seconds_bucket{result="allowed",le="0.001"} 1\n');
    expect(text).toContain('authorization_duration_seconds_bucket{result="allowed",le="0.004"} 2\n');
    expect(text).toContain('authorization_duration_seconds_bucket{result="allowed",le="16.384"} 2\n');
    expect(text).toContain('authorization_duration_seconds_count{result="no-opinion"} 1\n');
  });
  it('show what is running now', async () => {
    const metrics = createMetrics();
    metrics.begin(true);
    const end = metrics.series(info({ verb: 'watch', name: '' })).longRunning();
    expect(await metrics.render()).toMatch(/apiserver_longrunning_requests\{.*verb="WATCH".*\} 1\n/);
    expect(await metrics.render()).toContain('apiserver_current_inflight_requests{request_kind="mutating"} 1');
    end();
    end();
    metrics.end(true);
    expect(await metrics.render()).not.toMatch(/apiserver_longrunning_requests\{/);
  });
  it('read values that others keep, at each scrape', async () => {
    const metrics = createMetrics();
    let objects = 3;
    metrics.collect('apiserver_storage_objects', 'gauge', 'STABLE', 'Objects by resource.', () => [
      [{ resource: 'pods' }, objects],
    ]);
    expect(await metrics.render()).toContain('apiserver_storage_objects{resource="pods"} 3');
    objects = 4;
    expect(await metrics.render()).toContain('apiserver_storage_objects{resource="pods"} 4');
  });
  it('are served as text', async () => {
    const answer = await createMetricsHandler(
      createMetrics(),
      {} as never,
    )({ path: '/metrics', query: new URLSearchParams() } as never);
    expect(answer?.headers?.['Content-Type']).toBe('text/plain; version=0.0.4; charset=utf-8; escaping=underscores');
  });
});
