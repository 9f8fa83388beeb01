import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { natsServerBinary } from '../../../ops/nats/find.ts';

/** A real nats-server of a test: its own port and folder, gone with `stop()`. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  /** Kills it without a farewell and starts it again on the same port and folder. */
  restart(): Promise<void>;
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Freezes and thaws the process: connections stay, nothing moves. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** `config` gets the port and a folder of its own and returns the server's configuration. */
export async function startTestServer(
  config: (at: { port: number; dir: string }) => string = ({ port }) =>
    `listen: "127.0.0.1:${port}"\nmax_payload: 4MB\n`,
): Promise<TestServer> {
  const binary = await natsServerBinary();
  const dir = mkdtempSync(join(tmpdir(), 'kubus-bus-'));
  const port = await freePort();
  const file = join(dir, 'nats.conf');
  writeFileSync(file, config({ port, dir }), { mode: 0o600 });
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const process = (child = spawn(binary, ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] }));
    let output = '';
    process.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    while (!(await accepts(port)))
      if (process.exitCode !== null) throw new Error(`nats-server ended: ${output.slice(-1000)}`);
  };
  const kill = async (): Promise<void> => {
    const process = child;
    if (!process || process.exitCode !== null || process.signalCode !== null) return;
    const gone = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await gone;
  };
  // A test process that ends early does not leave its server behind.
  const onExit = (): void => void child?.kill('SIGKILL');
  process.once('exit', onExit);
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    dir,
    start,
    kill,
    restart: async () => {
      await kill();
      await start();
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    stop: async () => {
      await kill();
      process.off('exit', onExit);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => {
        resolve(port);
      });
    });
  });
}
function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      setTimeout(() => {
        resolve(false);
      }, 5);
    });
  });
}
