import { spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { folderOfCluster, type ClusterConfig } from '../../cluster/config.ts';
import { connectTool } from '../../cluster/connect.ts';
import { writePrivate } from '../../cluster/kubeconfig.ts';
import type { ClusterPaths } from '../../cluster/paths.ts';
import { createAuthority } from '../../console/authority.ts';
import { newCode, newLoginKey, wireToken } from '../../console/logins.ts';
import { startConsole, type Console } from '../../console/server.ts';
import { print, printError, printJson, UserError } from '../output.ts';
import { untilSignal } from '../signals.ts';

export interface InspectOptions {
  readonly name: string;
  readonly data?: string;
  readonly listen: string;
  readonly port?: number;
  readonly apiserver?: string;
  /** True: the port that such programs expect. */
  readonly stately?: number | true;
  readonly open: boolean;
  readonly url?: boolean;
  readonly output: 'json' | 'text';
}
const PORT = 7443;
/** Where `createWebSocketInspector` and `createWebSocketReceiver` look by themselves. */
const STATELY_PORT = 8080;

/** Of the console that runs, for who may read the cluster's folder: with the key a login code is made. */
interface Running {
  readonly pid: number;
  readonly address: string;
  readonly key: string;
  readonly stately?: string | undefined;
}
const fileOf = (paths: ClusterPaths): string => join(paths.dir, 'console.json');
const isLoopback = (host: string): boolean => ['127.0.0.1', '::1', 'localhost'].includes(host);

/** Serves the inspector until a signal comes, or tells the address of the one that runs. */
export async function inspect(options: InspectOptions): Promise<void> {
  const { paths, config } = folderOfCluster(options);
  const running = readRunning(paths);
  if (running !== undefined) return tell(running, options);
  if (options.url)
    throw new UserError(
      `no inspector runs for cluster "${config.name}": start it with: kubus inspect --name ${config.name}`,
    );
  const key = newLoginKey();
  const { bus, world } = await connectTool(paths, 'console');
  let console: Console;
  try {
    console = await start(options, paths, config, { bus, world, key });
  } catch (error) {
    await bus.drain();
    throw error;
  }
  const host = isLoopback(options.listen) ? options.listen : 'localhost';
  const own: Running = {
    pid: process.pid,
    address: `https://${isIPv6(host) ? `[${host}]` : host}:${console.port}`,
    key,
    ...(console.statelyPort !== undefined && { stately: `ws://127.0.0.1:${console.statelyPort}` }),
  };
  const isKept = keep(paths, own);
  tell(own, options, isKept);
  const why = await untilSignal();
  if (options.output === 'text') printError(`kubus: ${why}: the inspector ends; paused actors go on`);
  if (isKept) rmSync(fileOf(paths), { force: true });
  await console.stop();
  await bus.drain();
  process.exit(0);
}

async function start(
  options: InspectOptions,
  paths: ClusterPaths,
  config: ClusterConfig,
  { bus, world, key }: Awaited<ReturnType<typeof connectTool>> & { readonly key: string },
): Promise<Console> {
  const pem = (...names: string[]): string => {
    const files = names.map((name) => join(paths.pki, name));
    const file = files.find((f) => existsSync(f)) ?? files.at(-1)!;
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw new UserError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code}): the inspector needs it`);
    }
  };
  const clientCa = pem('ca.crt');
  const { pageFolder } = await import('../../build/page.ts');
  const common = {
    world,
    bus,
    id: `console-${world.ids.suffix(5)}`,
    cluster: config.name,
    host: options.listen,
    // A console that runs apart from the API servers has a certificate of its own.
    key: pem('console.key', 'apiserver.key'),
    cert: pem('console.crt', 'apiserver.crt'),
    clientCa,
    authority: createAuthority({
      server: options.apiserver ?? `https://127.0.0.1:${config.port}`,
      ca: clientCa,
      now: () => world.clock.now(),
    }),
    loginKey: key,
    owner: 'kubernetes-admin',
    page: await pageFolder(),
    ...(options.stately !== undefined && { statelyPort: options.stately === true ? STATELY_PORT : options.stately }),
  };
  const listen = async (port: number): Promise<Console> => {
    try {
      return await startConsole({ ...common, port });
    } catch (error) {
      const { code, port: taken, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
      if (code === 'EADDRINUSE' && taken === PORT && options.port === undefined) return listen(0);
      if (code === 'EADDRINUSE')
        throw new UserError(`port ${taken} of ${address} is taken: choose another with --port or --stately`);
      if (code === 'EADDRNOTAVAIL' || code === 'EACCES')
        throw new UserError(`cannot listen on ${address}:${taken} (${code}): choose another with --listen or --port`);
      throw error;
    }
  };
  return listen(options.port ?? PORT);
}
/** False where the folder cannot be written, as in a container. */
function keep(paths: ClusterPaths, own: Running): boolean {
  try {
    writePrivate(fileOf(paths), `${JSON.stringify(own)}\n`);
    return true;
  } catch {
    return false;
  }
}
function readRunning(paths: ClusterPaths): Running | undefined {
  try {
    const running = JSON.parse(readFileSync(fileOf(paths), 'utf8')) as Running;
    process.kill(running.pid, 0);
    // In a container that was started again, everyone has the number that the one before had.
    return running.pid === process.pid ? undefined : running;
  } catch {
    return undefined;
  }
}
/** What to do next. A code is for the eyes of who started it here, not for the logs of a service. */
function tell(running: Running, options: InspectOptions, isKept = true): void {
  const { address, key, stately } = running;
  const showsCode = options.url || isLoopback(options.listen);
  const url = showsCode ? `${address}/#code=${newCode(key, Date.now())}` : address;
  const token = wireToken(key);
  const wires = stately === undefined ? [address.replace('https:', 'wss:')] : [stately];
  if (options.output === 'json') {
    printJson({
      pid: running.pid,
      address,
      url,
      ...(showsCode && {
        stately: wires.map((wire) => ({
          in: `${wire}/stately/in?token=${token}`,
          out: `${wire}/stately/out?token=${token}`,
        }))[0],
      }),
    });
    return;
  }
  if (options.url) return print(url);
  print(`The inspector is at ${url}`);
  if (!showsCode)
    print(
      `Log in with a bearer token${isKept ? ', or with the address that this prints here: kubus inspect --url' : ''}.`,
    );
  else print('The address logs in once, within ten minutes; another: kubus inspect --url');
  if (stately !== undefined && showsCode)
    print(
      [
        `XState programs:     createWebSocketInspector({ url: '${stately}/stately/in?token=${token}' })`,
        `XState visualizers:  createWebSocketReceiver({ server: '${stately}/stately/out?machine=pod&token=${token}' })`,
        `Hosted visualizer:   ${stately.replace('ws:', 'http:')}/?machine=pod&token=${token}`,
      ].join('\n'),
    );
  if (options.open && showsCode && process.stdout.isTTY) openBrowser(url);
}
function openBrowser(url: string): void {
  const command = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(command, [url], { stdio: 'ignore', detached: true });
  // Without a browser the printed address is enough.
  child.on('error', () => undefined);
  child.unref();
}
