import { STATUS_CODES, type ServerResponse } from 'node:http';
import { createMemoryHub } from '../../../bus/memory/bus.ts';
import type { NodeAnswerHead, NodeRequest } from '../../../bus/protocol/node.ts';
import * as subjects from '../../../bus/subjects.ts';
import { kubeletPath } from '../../../actors/runtime/streaming/kubelet-path.ts';
import { serveConnect } from '../../../actors/runtime/streaming/serve.ts';
import { refuse } from '../../../actors/runtime/streaming/upgrades.ts';
import { toStatus } from '../../../schemas/meta/status.ts';
import { serveStreams } from '../../streams/serve.ts';
import type { NodeContext } from '../context.ts';
import { serveHttp } from '../http.ts';
import type { DoorRequest } from './connection.ts';

const TEXT = 'text/plain; charset=utf-8';
/** Of an answer, that may wait for a slow reader. */
const WINDOW = 16;

/** Serves requests of clients that may ask. Loaded with the first one. */
export interface Answers {
  /** Resolves when the answer was given, or the client is gone. */
  page(request: DoorRequest, response: ServerResponse): Promise<void>;
  /** For as long as the connection lasts. */
  stream(request: DoorRequest): Promise<void>;
  stop(): Promise<void>;
}
/**
 * What the node serves on the bus, served once more on one within this process: who comes by the door and who comes by the
 * bus have the same pages and the same streams.
 */
export function createAnswers(node: NodeContext): Answers {
  const { world, nodeName } = node;
  const hub = createMemoryHub({ world });
  const [agent, door] = [hub.connect('agent'), hub.connect('door')];
  const served = [serveHttp(agent, node), serveStreams(agent, node)];
  return {
    async page({ method, target }, response) {
      const body: NodeRequest = { method, target, headers: [], body: new Uint8Array() };
      const session = await door.open(subjects.node(nodeName, 'http'), body, { window: WINDOW });
      response.on('close', () => session.close());
      for await (const frame of session.frames()) {
        if (response.destroyed) break;
        if (!response.headersSent) {
          const { status, headers } = frame as NodeAnswerHead;
          response.writeHead(status, [...headers]);
          // What is followed may say nothing for long.
          if (!headers.includes('Content-Length')) response.flushHeaders();
        } else if (method !== 'HEAD' && !response.write(frame)) await drained(response);
      }
      const why = await session.closed;
      if (!response.headersSent) response.writeHead(why?.code ?? 500, { 'Content-Type': TEXT });
      // An answer that broke off must not look whole.
      if (why !== undefined && response.headersSent && !response.writableFinished) response.destroy();
      else response.end();
    },
    async stream(request) {
      const query = new URL(request.target, 'https://node').searchParams;
      const asks = kubeletPath(request.path ?? '', query);
      if (asks === undefined) return refuse(request, 404, '404: Page Not Found');
      const { namespace, name, uid } = asks.op === 'portforward' ? asks.pod : asks.request;
      const pod = [...node.pods.values()].find(({ key }) => key === `${namespace}/${name}`);
      if (pod === undefined) return refuse(request, 404, 'pod does not exist');
      if (asks.op === 'portforward' && uid !== undefined && uid !== pod.uid) return refuse(request, 404, 'pod not found');
      let begun = false;
      try {
        await serveConnect({ world, bus: door }, request, nodeName, asks, (lasts) => {
          begun = true;
          return lasts;
        });
      } catch (error) {
        if (begun) throw error;
        const { code, message = '' } = toStatus(error);
        refuse(request, STATUS_CODES[code] === undefined ? 500 : code, message);
      }
    },
    async stop() {
      for (const one of served) one.unsubscribe();
      await Promise.all([agent.drain(), door.drain()]);
    },
  };
} // prettier-ignore
const drained = (response: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    response.once('drain', resolve);
    response.once('close', resolve);
  });
