import { createServer } from 'node:http';

/** What one component of a process says of itself. */
export interface ComponentHealth {
  readonly name: string;
  readonly state: string;
  /** On the bus now. */
  readonly connected: boolean;
}
export interface Health {
  /** All components serve, on the bus. */
  readonly healthy: boolean;
  readonly components: readonly ComponentHealth[];
}
export interface HealthDoor {
  readonly port: number;
  close(): void;
}
/**
 * `GET /healthz` on this machine's loopback alone: 200 or 503 with what the process says of itself, as JSON. A few
 * milliseconds for who asks, and no credential: for container engines and service managers.
 */
export function openHealthDoor(port: number, health: () => Health): Promise<HealthDoor> {
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/healthz') return void response.writeHead(404).end();
    const now = health();
    response.writeHead(now.healthy ? 200 : 503, { 'Content-Type': 'application/json', Connection: 'close' });
    response.end(`${JSON.stringify(now)}\n`);
  });
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve({
        port: address !== null && typeof address === 'object' ? address.port : port,
        close: () => {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}
