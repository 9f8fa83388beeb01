import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { served } from '../differential/shapes.ts';

/** A write that a client of the stand-in made. */
export interface Written {
  readonly method: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  readonly body: unknown;
}
interface Watcher {
  readonly resource: string;
  readonly response: ServerResponse;
}
const PATH = /^\/(?:api|apis\/([^/]+))\/([^/]+)(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/;
const kinds = new Map(served.map((s) => [`${s.groupVersion}/${s.name}`, s.kind]));

/**
 * Something that a scheduler takes for an API server: it lists and watches what it is given, and takes down what is
 * written, of which it does updates only. That makes a cluster of one's own as quick as a few writes to a socket, and each
 * object in it exactly what the test says.
 */
export class StandIn {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #watchers = new Set<Watcher>();
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));
  #revision = 1000;
  readonly #hear: (written: Written) => void;

  constructor(hear: (written: Written) => void) {
    this.#hear = hear;
  }
  /** On a free port of the loopback, or the one asked for; resolves to its address. */
  async listen(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
  /** Adds it, or changes what is there. `resource` with its group and version, as in `apps/v1/replicasets`. */
  put(resource: string, object: KubeObject): void {
    const all = this.#of(resource);
    const key = keyOf(object);
    const isNew = !all.has(key);
    const stamped = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#revision) } };
    all.set(key, stamped);
    this.#tell(resource, isNew ? 'ADDED' : 'MODIFIED', stamped);
  }
  get(resource: string, key: string): KubeObject | undefined {
    return this.#of(resource).get(key);
  }
  remove(resource: string, object: KubeObject): void {
    const stored = this.#of(resource).get(keyOf(object));
    if (stored === undefined) return;
    this.#of(resource).delete(keyOf(object));
    const last = { ...stored, metadata: { ...stored.metadata, resourceVersion: String(++this.#revision) } };
    this.#tell(resource, 'DELETED', last);
  }
  #of(resource: string): Map<string, KubeObject> {
    let all = this.#objects.get(resource);
    if (all === undefined) this.#objects.set(resource, (all = new Map<string, KubeObject>()));
    return all;
  }
  #tell(resource: string, type: string, object: KubeObject): void {
    for (const watcher of this.#watchers) if (watcher.resource === resource) event(watcher.response, type, object);
  }
  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://stand-in');
    const match = PATH.exec(url.pathname);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (match === null) return json(response, 404, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404 });
    const [, group, version, namespace = '', plural, name = '', subresource = ''] = match;
    const groupVersion = group === undefined ? version! : `${group}/${version}`;
    const resource = `${groupVersion}/${plural}`;
    const kind = kinds.get(resource) ?? 'Unknown';
    if (request.method === 'GET') {
      if (url.searchParams.get('watch') === null) return this.#list(response, resource, groupVersion, kind, name);
      return this.#watch(response, url, resource, groupVersion, kind);
    }
    const text = Buffer.concat(chunks).toString();
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    if (request.method === 'PUT') this.put(resource, body as KubeObject);
    const stored = this.#of(resource).get(namespace === '' ? name : `${namespace}/${name}`);
    this.#hear({ method: request.method!, resource, namespace, name, subresource, body });
    if (subresource === 'binding') return json(response, 201, { kind: 'Status', apiVersion: 'v1', status: 'Success' });
    json(response, request.method === 'POST' ? 201 : 200, stored ?? body ?? { kind, apiVersion: groupVersion, metadata: { name } }); // prettier-ignore
  }
  #list(response: ServerResponse, resource: string, groupVersion: string, kind: string, name: string): void {
    const items = [...this.#of(resource).values()];
    if (name !== '') {
      const found = items.find((item) => item.metadata.name === name);
      return json(response, found ? 200 : 404, found ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 }); // prettier-ignore
    }
    const metadata = { resourceVersion: String(this.#revision) };
    json(response, 200, { kind: `${kind}List`, apiVersion: groupVersion, metadata, items });
  }
  #watch(response: ServerResponse, url: URL, resource: string, groupVersion: string, kind: string): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const watcher: Watcher = { resource, response };
    if (url.searchParams.get('sendInitialEvents') === 'true') {
      for (const object of this.#of(resource).values()) event(response, 'ADDED', object);
      const annotations = { 'k8s.io/initial-events-end': 'true' };
      const metadata = { resourceVersion: String(this.#revision), annotations };
      event(response, 'BOOKMARK', { kind, apiVersion: groupVersion, metadata });
    }
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
  }
}
const keyOf = ({ metadata }: KubeObject): string =>
  metadata.namespace === undefined ? metadata.name! : `${metadata.namespace}/${metadata.name}`;

function event(response: ServerResponse, type: string, object: unknown): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}
function json(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}
