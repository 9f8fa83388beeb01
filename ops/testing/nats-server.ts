import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { natsServerBinary } from '../nats/find.ts';

export interface TestServer {
  readonly url: string;
  readonly dir: string;
  /** Ends the process at once, as `kill -9` or the kernel does. */
  kill(): Promise<void>;
  /** On the same port and data, after kill(). */
  restart(): Promise<void>;
  /** Ends the process and removes its data. */
  stop(): Promise<void>;
}

/**
 * A real nats-server on a free port of 127.0.0.1 with JetStream and fsync on every write.
 * `jetstream` adds lines to that block (`max_file_store: 4MB`), `config` to the file.
 */
export async function startTestServer(options: { jetstream?: string; config?: string } = {}): Promise<TestServer> {
  const binary = await natsServerBinary();
  const dir = mkdtempSync(join(tmpdir(), 'kubus-nats-'));
  const port = await freePort();
  const file = join(dir, 'nats.conf');
  writeFileSync(
    file,
    `listen: "127.0.0.1:${port}"
max_payload: 2200000
jetstream { store_dir: "${join(dir, 'data')}", sync_interval: always
${options.jetstream ?? ''} }
${options.config ?? ''}
`,
  );
  let child: ChildProcess;
  let ended: Promise<unknown>;
  const start = async (): Promise<void> => {
    child = spawn(binary, ['-c', file, '-l', join(dir, 'log')], { stdio: 'ignore' });
    ended = new Promise((resolve) => child.once('exit', resolve));
    for (let i = 0; !(await accepts(port)); i++) {
      if (i > 2000 || child.exitCode !== null) throw new Error(`nats-server does not start, see ${join(dir, 'log')}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await ended;
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    dir,
    kill: () => end('SIGKILL'),
    restart: start,
    stop: async () => {
      await end('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
