/** The kubelet's own interface, which the API server reaches by `nodes/<name>/proxy`. */
import type { Bus, Session, Subscription } from '../../bus/bus.ts';
import type { NodeAnswerHead, NodePresence, NodeRequest, StatsSummary } from '../../bus/protocol/node.ts';
import * as subjects from '../../bus/subjects.ts';
import { toStatus } from '../../schemas/meta/status.ts';
import type { NodeContext } from './context.ts';
import { configuration, metrics, podList } from './http-pages.ts';
import { cadvisorMetrics } from './usage/cadvisor.ts';
import { probeMetrics } from './probe/counts.ts';
import { nodeMeter, resourceMetrics, summary, type NodeMeter } from './stats.ts';

interface Page {
  readonly status?: number;
  readonly type: string;
  readonly body: string;
}
const TEXT = 'text/plain; charset=utf-8';
const METRICS = 'text/plain; version=0.0.4; charset=utf-8; escaping=underscores';
const text = (body: string, status = 200): Page => ({ status, type: TEXT, body });
const json = (value: object): Page => ({ type: 'application/json', body: JSON.stringify(value) });
const ok = (): Page => text('ok');
type Pages = Readonly<Record<string, (node: NodeContext, meter: NodeMeter) => Page | Promise<Page>>>;

/** What the node uses, as it counts it itself or as its containers' scripts have it. */
const used = (node: NodeContext, meter: NodeMeter): StatsSummary | Promise<StatsSummary> =>
  node.housekeeping?.summary() ?? summary(node, meter);

/** Source: kubelet pkg/server server.go. Of paths that end in a slash what follows belongs to them. */
const PAGES: Pages = {
  '/healthz': ok,
  '/healthz/ping': ok,
  '/healthz/log': ok,
  '/healthz/syncloop': ok,
  '/pods': (node) => json(podList(node, () => true)),
  '/runningpods/': (node) => json(podList(node, (worker) => worker.sandbox !== undefined)),
  '/stats/summary': async (node, meter) => json(await used(node, meter)),
  '/configz': (node) => json(configuration(node)),
  '/metrics': async (node) => ({ type: METRICS, body: await metrics(node) }),
  '/metrics/probes': (node, { since }) => ({ type: METRICS, body: probeMetrics(node, since) }),
  '/metrics/resource': async (node, meter) => ({
    type: METRICS,
    body: resourceMetrics(await used(node, meter), node.world.clock.now()),
  }),
  '/metrics/cadvisor': async (node, meter) => ({
    type: METRICS,
    body: cadvisorMetrics(await used(node, meter), node.world.clock.now()),
  }),
};
/** What reaches into containers. */
const REACHING = /^\/(?:run|exec|attach|portForward|containerLogs|checkpoint)\//;
/** Files of the machine. */
const LOGS = /^\/logs(?:[/?]|$)/;
const FRAME_BYTES = 64 * 1024;
const encoder = new TextEncoder();

/** Answers as a kubelet's port would, and who asks whether anybody is there. */
export function serveHttp(bus: Bus, node: NodeContext): Subscription {
  const subject = subjects.node(node.nodeName, 'http');
  const meter = nodeMeter(node.world.clock.now());
  const presence = bus.serve(subject, 'node', (): NodePresence => ({ reachable: node.runtime.reachable }));
  const stats = bus.serve(subjects.node(node.nodeName, 'stats'), 'node', () => used(node, meter));
  const sessions = bus.serveSessions(subject, 'node', (message, session) => {
    const request = message.body as NodeRequest;
    const answered = REACHING.test(request.target)
      ? import('../streams/pages.ts').then(({ reach }) => reach(node, request, session))
      : LOGS.test(request.target)
        ? import('./node-logs.ts').then(({ serveNodeLogs }) => serveNodeLogs(node, request, session))
        : answer(node, request, meter).then((page) => send(session, page));
    answered.then(
      () => session.close(),
      (error: unknown) => session.close(toStatus(error)),
    );
  });
  return {
    unsubscribe: () => {
      presence.unsubscribe();
      stats.unsubscribe();
      sessions.unsubscribe();
    },
  };
}
async function answer(node: NodeContext, { method, target }: NodeRequest, meter: NodeMeter): Promise<Page> {
  const [path = ''] = target.split('?');
  const page = PAGES[path] ?? PAGES[`${path}/`];
  if (page === undefined) return text('404 page not found\n', 404);
  if (method !== 'GET' && method !== 'HEAD') return text('405: Method Not Allowed', 405);
  return page(node, meter);
}
async function send(session: Session, { status = 200, type, body }: Page): Promise<void> {
  const bytes = encoder.encode(body);
  const head: NodeAnswerHead = {
    status,
    headers: ['Content-Type', type, 'Content-Length', String(bytes.length)],
  };
  await session.send(head);
  for (let at = 0; at < bytes.length; at += FRAME_BYTES) await session.send(bytes.subarray(at, at + FRAME_BYTES));
}
