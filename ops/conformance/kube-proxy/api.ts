import { createServer, type ServerResponse } from 'node:http';

/** Objects that a kube-proxy asks for, by the last part of their path: `services`, `nodes`. */
export type Objects = Readonly<Record<string, readonly object[]>>;
const KINDS: Readonly<Record<string, readonly [apiVersion: string, kind: string]>> = {
  services: ['v1', 'Service'],
  nodes: ['v1', 'Node'],
  endpointslices: ['discovery.k8s.io/v1', 'EndpointSlice'],
  servicecidrs: ['networking.k8s.io/v1', 'ServiceCIDR'],
};
const resourceOf = (path: string): string =>
  /\/(services|nodes|endpointslices|servicecidrs)(?:\/|$)/.exec(path)?.[1] ?? '';

/** As much of an API server as a kube-proxy needs: lists, watches and what changes meanwhile. */
export function serveObjects(objects: Objects) {
  const watches = new Map<ServerResponse, string>();
  let revision = 1;
  const event = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://x');
    const resource = resourceOf(url.pathname);
    const [apiVersion, kind] = KINDS[resource] ?? ['v1', 'Status'];
    const named = new RegExp(`/${resource}/([^/]+)$`).exec(url.pathname)?.[1];
    const own = (objects[resource] ?? []).map((object) => ({ apiVersion, kind, ...object }));
    response.setHeader('content-type', 'application/json');
    if (url.searchParams.has('watch')) {
      response.flushHeaders();
      if (url.searchParams.get('sendInitialEvents') === 'true') {
        for (const object of own) response.write(event('ADDED', object));
        const metadata = { resourceVersion: String(revision), annotations: { 'k8s.io/initial-events-end': 'true' } };
        response.write(event('BOOKMARK', { apiVersion, kind, metadata }));
      }
      watches.set(response, resource);
      response.once('close', () => watches.delete(response));
      return;
    }
    if (request.method === 'POST') return response.writeHead(201).end('{}');
    if (named !== undefined) {
      const found = own.find((object) => (object as { metadata?: { name?: string } }).metadata?.name === named);
      return response.writeHead(found ? 200 : 404).end(JSON.stringify(found ?? { kind: 'Status', code: 404 }));
    }
    return response.end(JSON.stringify({ apiVersion, kind: `${kind}List`, metadata: { resourceVersion: String(revision) }, items: own })); // prettier-ignore
  });
  return {
    listen: () => new Promise<number>((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))), // prettier-ignore
    change(resource: string, object: { readonly metadata: object }): void {
      const [apiVersion, kind] = KINDS[resource]!;
      const now = {
        apiVersion,
        kind,
        ...object,
        metadata: { ...object.metadata, resourceVersion: String(++revision) },
      };
      for (const [response, of] of watches) if (of === resource) response.write(event('MODIFIED', now));
    },
    close(): void {
      server.closeAllConnections();
      server.close();
    },
  };
}
