import { request } from 'node:http';
import { SpdyConnection } from '../../actors/runtime/spdy/connection.ts';

/**
 * Opens what a container runtime serves at a URL of the node's loopback. Rejects with what it says instead, or with the
 * reason of the signal.
 */
export function dialSpdy(url: string, protocols: readonly string[], signal: AbortSignal): Promise<SpdyConnection> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const headers = { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': protocols.join(',') };
    // A connection of its own: nothing else is asked on it.
    const asked = request(url, { method: 'POST', headers, agent: false });
    const abort = (): void => void asked.destroy(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    const settled = (): void => signal.removeEventListener('abort', abort);
    asked.on('upgrade', (_response, socket, head) => {
      settled();
      if (head.length > 0) socket.unshift(head);
      socket.setNoDelay?.(true);
      resolve(new SpdyConnection(socket, false));
    });
    asked.on('response', (response) => {
      settled();
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text.length < 4_096 ? (text += chunk) : undefined));
      response.on('end', () => reject(new Error(`unable to upgrade connection: ${text}`)));
      response.on('error', reject);
    });
    asked.on('error', (error) => {
      settled();
      reject(error);
    });
    asked.end();
  });
}
