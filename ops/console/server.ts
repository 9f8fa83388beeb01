import { createServer as createPlainServer, type Server } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Component } from '../../actors/runtime/component.ts';
import type { Bus } from '../../bus/bus.ts';
import type { World } from '../../bus/world.ts';
import { createApi } from './api.ts';
import type { Authority } from './authority.ts';
import { sendBridge } from './bridge.ts';
import { toConfig } from './config.ts';
import { readPage, sendFile } from './files.ts';
import { sendError, setCommonHeaders } from './http.ts';
import { Hub } from './hub.ts';
import { Logins } from './logins.ts';
import { machineInfoOf } from './machine-info.ts';
import { machines } from './machines.ts';
import type { MachineInfo } from './protocol.ts';
import { createSockets } from './sockets.ts';

export interface ConsoleOptions {
  readonly world: World;
  /** On a credential of the console: the only one that may steer components. */
  readonly bus: Bus;
  readonly id: string;
  /** Name of the cluster. */
  readonly cluster: string;
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** PEM. */
  readonly key: string;
  readonly cert: string;
  /** Client certificates are believed if this authority signed them. */
  readonly clientCa: string;
  readonly authority: Authority;
  /** Signs the codes, see logins.ts. */
  readonly loginKey: string;
  /** Who one is who logs in by a code. */
  readonly owner: string;
  /** Folder with the files of the page. */
  readonly page: string;
  /** A plain port on the loopback for programs and visualizers that know no certificates; undefined: none. */
  readonly statelyPort?: number | undefined;
}
export interface Console extends Component {
  readonly port: number;
  /** Undefined: none. */
  readonly statelyPort: number | undefined;
}

/** Serves the inspector: its page, its API (see protocol.ts) and the WebSocket endpoints. Rejects if a port is taken. */
export async function startConsole(o: ConsoleOptions): Promise<Console> {
  const { world } = o;
  const hub = new Hub(o);
  const logins = new Logins(o.loginKey, () => world.clock.now());
  const charts = await machines();
  let infos: readonly MachineInfo[] | undefined;
  const files = readPage(o.page);
  let port = o.port;
  const api = createApi({
    world,
    hub,
    logins,
    authority: o.authority,
    cluster: o.cluster,
    owner: o.owner,
    machines: () =>
      Promise.resolve(
        (infos ??= [...charts].map(([id, { machine, about }]) =>
          machineInfoOf(machine, { id, about, source: 'cluster' }),
        )),
      ),
    cookie: () => `__Host-kubus-console-${port}`,
  });
  const definitions = new Map<string, string>();
  const sockets = createSockets({
    hub,
    world,
    logins,
    definitionOf: (machine) => {
      const chart = charts.get(machine);
      if (chart !== undefined && !definitions.has(machine))
        definitions.set(machine, JSON.stringify(toConfig(chart.machine)));
      return definitions.get(machine);
    },
  });
  const server = createServer(
    { key: o.key, cert: o.cert, ca: o.clientCa, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2' },
    (request, response) => {
      setCommonHeaders(response);
      const url = new URL(request.url ?? '/', 'https://console');
      const file = files.get(url.pathname);
      if (file !== undefined && (request.method === 'GET' || request.method === 'HEAD'))
        return sendFile(request, response, file);
      if (url.pathname === '/healthz') {
        response.writeHead(200, { 'content-type': 'text/plain', 'cache-control': 'no-store' });
        return void response.end('ok');
      }
      api(request, response, url).catch((error: unknown) => sendError(response, error));
    },
  );
  server.on('upgrade', (request, socket, head) => sockets.upgrade(request, socket, head));
  port = await listen(server, o.port, o.host);
  let plain: Server | undefined;
  let statelyPort: number | undefined;
  if (o.statelyPort !== undefined) {
    plain = createPlainServer((request, response) => sendBridge(request, response));
    plain.on('upgrade', (request, socket, head) => sockets.upgrade(request, socket, head));
    try {
      statelyPort = await listen(plain, o.statelyPort, '127.0.0.1');
    } catch (error) {
      server.close();
      throw error;
    }
  }
  let stopping: Promise<void> | undefined;
  return {
    name: 'console',
    id: o.id,
    ready: Promise.resolve(),
    state: () => `${hub.listeners} watching`,
    port,
    statelyPort,
    stop: () =>
      (stopping ??= (async () => {
        sockets.close();
        hub.close();
        await Promise.all([server, ...(plain ? [plain] : [])].map(end));
      })()),
  };
}
const listen = (server: Server, port: number, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
const end = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
