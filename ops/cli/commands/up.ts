import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { locate, readConfig, writeConfig, type ClusterConfig } from '../../cluster/config.ts';
import { contextName } from '../../cluster/kubeconfig.ts';
import type { ClusterPaths } from '../../cluster/paths.ts';
import { freePort, isFree } from '../../cluster/ports.ts';
import { COMPONENTS } from '../../process/spec.ts';
import { isUp, startCluster } from '../../process/supervisor.ts';
import { bold, print, printError, Progress, UserError } from '../output.ts';

export interface UpOptions {
  readonly name: string;
  readonly nodes?: number;
  readonly runtime: 'simulated' | 'cri' | 'auto';
  readonly data?: string;
  readonly ephemeral?: boolean;
  readonly port?: number;
  readonly host: string;
  readonly only?: string[];
  readonly disableAdmission?: string[];
  readonly detach?: boolean;
  readonly wait?: boolean;
  readonly quiet?: boolean;
}
const DEFAULT_PORT = 6443;

export async function up(options: UpOptions): Promise<void> {
  const paths = locate(options.name, options.data);
  const holder = isUp(paths);
  if (holder !== undefined)
    throw new UserError(
      `cluster "${options.name}" is already up (process ${holder}): see it with: kubus status --name ${options.name}`,
    );
  const config = await settle(options, paths);
  writeConfig(paths, config);
  await (options.detach ? detached(options, config, paths) : foreground(options, config, paths));
}

/** What was asked for, over what the cluster was, over the defaults. */
async function settle(options: UpOptions, paths: ClusterPaths): Promise<ClusterConfig> {
  const before = readConfig(paths);
  const unknown = options.only?.find((c) => !(COMPONENTS as readonly string[]).includes(c));
  if (unknown !== undefined)
    throw new UserError(`--only knows no component "${unknown}": choose from ${COMPONENTS.join(', ')}`);
  if (options.runtime === 'cri')
    throw new UserError('--runtime cri is not built yet: leave it out for simulated nodes');
  if (before !== undefined && options.ephemeral && !before.ephemeral)
    throw new UserError(`cluster "${options.name}" keeps its data and cannot become ephemeral: use another --name`);
  const port =
    options.port ?? before?.port ?? ((await isFree(DEFAULT_PORT, options.host)) ? DEFAULT_PORT : await freePort());
  const natsPort = before !== undefined && (await isFree(before.natsPort)) ? before.natsPort : await freePort();
  const only = options.only ?? before?.only;
  return {
    format: 1, name: options.name, nodes: options.nodes ?? before?.nodes ?? 1, runtime: 'simulated', port, natsPort,
    ...(only && { only }),
    disableAdmission: options.disableAdmission ?? before?.disableAdmission ?? [],
    ephemeral: options.ephemeral ?? before?.ephemeral ?? false,
  }; // prettier-ignore
}

async function foreground(options: UpOptions, config: ClusterConfig, paths: ClusterPaths): Promise<void> {
  const toParent = process.send?.bind(process);
  const progress = new Progress(options.quiet === true || toParent !== undefined);
  let cluster: Awaited<ReturnType<typeof startCluster>>;
  // A signal while it starts ends it as cleanly as one later.
  const signal = new Promise<string>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => resolve(name));
  });
  try {
    cluster = await startCluster({
      paths, config, host: options.host,
      step: (label, work) => progress.step(label, async () => {
        toParent?.({ step: label });
        return Promise.race([work(), signal.then(() => Promise.reject(new UserError('interrupted', 130)))]);
      }),
      warn: (text) => (toParent !== undefined && process.connected ? toParent({ warning: text }) : printError(`kubus: ${text}`)),
    }); // prettier-ignore
    if (options.wait) await progress.step('nodes Ready', () => nodesReady(config, paths));
  } catch (error) {
    if (toParent === undefined) throw error;
    toParent({ failed: (error as Error).message });
    process.exitCode = 1;
    return;
  }
  if (toParent !== undefined) {
    toParent({ ready: cluster.server });
    process.disconnect();
  } else if (!options.quiet) welcome(config, cluster.server);
  const why = await Promise.race([signal, cluster.failed]);
  if (toParent === undefined && !options.quiet) printError(`\nkubus: ${why.startsWith('SIG') ? 'stopping' : why}`);
  // A second Ctrl-C does not wait.
  process.once('SIGINT', () => process.exit(130));
  await cluster.stop();
  process.exit(why.startsWith('SIG') ? 0 : 1);
}

/** The same in a process of its own, whose progress is shown here until it is ready. */
async function detached(options: UpOptions, config: ClusterConfig, paths: ClusterPaths): Promise<void> {
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  const log = openSync(join(paths.logs, 'up.log'), 'a', 0o600);
  const args = [
    ...process.execArgv,
    process.argv[1]!,
    'up',
    '--name',
    config.name,
    '--host',
    options.host,
    '--quiet',
    ...(options.wait ? ['--wait'] : []),
  ];
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log, 'ipc'] });
  closeSync(log);
  const progress = new Progress(options.quiet);
  const { promise: server, resolve, reject } = Promise.withResolvers<string>();
  let finishStep: (() => void) | undefined;
  let running: Promise<void> = Promise.resolve();
  child.on('message', (message: { step?: string; ready?: string; failed?: string; warning?: string }) => {
    finishStep?.();
    if (message.step !== undefined) {
      const { promise, resolve: done } = Promise.withResolvers<void>();
      finishStep = done;
      const label = message.step;
      running = running.then(() => progress.step(label, () => promise));
    } else if (message.warning !== undefined) printError(`kubus: ${message.warning}`);
    else if (message.ready !== undefined) resolve(message.ready);
    else if (message.failed !== undefined) reject(new UserError(message.failed));
  });
  child.once('exit', (code, signal) =>
    reject(
      new UserError(
        `the cluster ended while it was starting (${signal ?? `exit status ${code}`}): ${lastLine(join(paths.logs, 'up.log'))}`,
      ),
    ),
  );
  const url = await server;
  await running;
  child.unref();
  if (child.connected) child.disconnect();
  if (!options.quiet) welcome(config, url);
}
const lastLine = (file: string): string =>
  existsSync(file) ? (readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '') : '';

function welcome(config: ClusterConfig, server: string): void {
  const suffix = config.name === 'kubus' ? '' : ` --name ${config.name}`;
  print(
    `\nCluster "${config.name}" is up at ${server} (context ${contextName(config.name)}).${config.ephemeral ? ' It is ephemeral: nothing of it is kept.' : ''}\n\nNext:`,
  );
  print(`  ${bold(`kubectl --context ${contextName(config.name)} get nodes`)}`);
  print(
    `  ${bold(`kubectl --context ${contextName(config.name)} create deployment hello --image=hello --replicas=3`)}`,
  );
  print(`  ${bold(`kubus status${suffix}`)}`);
}
async function nodesReady(config: ClusterConfig, paths: ClusterPaths): Promise<void> {
  const { waitForNodes } = await import('../../cluster/wait.ts');
  await waitForNodes(paths, config.only === undefined || config.only.includes('nodes') ? config.nodes : 0);
}
