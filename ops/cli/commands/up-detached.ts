import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { auditArguments } from '../../cluster/audit.ts';
import { authenticationArguments } from '../../cluster/authentication.ts';
import { authorizationArguments } from '../../cluster/authorization.ts';
import { readConfig } from '../../cluster/config.ts';
import { dnsArguments } from '../../cluster/dns.ts';
import { listenArguments } from '../../cluster/listen.ts';
import { loadBalancerArguments } from '../../cluster/load-balancers.ts';
import { credentialProviderArguments } from '../../cluster/credential-providers.ts';
import { proxyModeArguments } from '../../cluster/proxy-mode.ts';
import type { ClusterPaths } from '../../cluster/paths.ts';
import { podRangeArguments } from '../../cluster/pod-ranges.ts';
import { schedulerArguments } from '../../cluster/scheduler.ts';
import { printError, Progress, UserError } from '../output.ts';
import { welcome } from './up-welcome.ts';
import type { UpOptions } from './up.ts';

/** What the process of a detached cluster tells the one that the user waits for. */
export type Message =
  { readonly step: string } | { readonly warning: string } | { readonly ready: string } | { readonly failed: string };

/** The same in a process of its own, whose progress is shown here until it is ready. */
export async function detached(options: UpOptions, paths: ClusterPaths): Promise<void> {
  mkdirSync(paths.logs, { recursive: true, mode: 0o700 });
  const log = openSync(join(paths.logs, 'up.log'), 'a', 0o600);
  const args = [...process.execArgv, process.argv[1]!, 'up', '--quiet', ...argumentsOf(options)];
  const child = spawn(process.execPath, args, { detached: true, stdio: ['ignore', log, log, 'ipc'] });
  closeSync(log);
  const progress = new Progress(options.quiet);
  const { promise: server, resolve, reject } = Promise.withResolvers<string>();
  let current: { done: () => void; fail: (error: Error) => void } | undefined;
  let running: Promise<void> = Promise.resolve();
  const fail = (message: string): void => {
    const error = new UserError(message);
    current?.fail(error);
    reject(error);
  };
  child.on('message', (message: Message) => {
    if ('warning' in message) return printError(`kubus: ${message.warning}`);
    if ('failed' in message) return fail(message.failed);
    current?.done();
    current = undefined;
    if ('ready' in message) return resolve(message.ready);
    const { promise, resolve: done, reject: failed } = Promise.withResolvers<void>();
    current = { done, fail: failed };
    running = running.then(() => progress.step(message.step, () => promise));
    running.catch(() => undefined);
  });
  child.once('exit', (code, signal) =>
    fail(
      `the cluster ended while it was starting (${signal ?? `exit status ${code}`}): ${lastLine(join(paths.logs, 'up.log'))}`,
    ),
  );
  // The child is in a session of its own and hears nothing of a Ctrl-C here.
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => child.kill('SIGTERM'));
  try {
    const url = await server;
    await running;
    if (!options.quiet) welcome(readConfig(paths)!, url, paths);
  } finally {
    child.unref();
    if (child.connected) child.disconnect();
  }
}
/** What the user asked for, for another process of ours. */
function argumentsOf(options: UpOptions): string[] {
  const args = ['--name', options.name, '--host', options.host, '--runtime', options.runtime];
  if (options.nodes !== undefined) args.push('--nodes', String(options.nodes));
  if (options.port !== undefined) args.push('--port', String(options.port));
  if (options.data !== undefined) args.push('--data', options.data);
  if (options.only !== undefined) args.push('--only', options.only.join(','));
  if (options.disableAdmission !== undefined) args.push('--disable-admission', options.disableAdmission.join(','));
  if (options.enableAdmission !== undefined) args.push('--enable-admission', options.enableAdmission.join(','));
  if (options.addons !== undefined) args.push('--addons', options.addons.join(','));
  if (options.ingressHost !== undefined) args.push('--ingress-host', options.ingressHost);
  if (options.ingressHttpPort !== undefined) args.push('--ingress-http-port', String(options.ingressHttpPort));
  if (options.ingressHttpsPort !== undefined) args.push('--ingress-https-port', String(options.ingressHttpsPort));
  if (options.encryptionConfig !== undefined) args.push('--encryption-config', resolve(options.encryptionConfig));
  if (options.maxRequestsInflight !== undefined)
    args.push('--max-requests-inflight', String(options.maxRequestsInflight));
  if (options.maxMutatingRequestsInflight !== undefined)
    args.push('--max-mutating-requests-inflight', String(options.maxMutatingRequestsInflight));
  args.push(...auditArguments(options));
  args.push(...authenticationArguments(options));
  args.push(...authorizationArguments(options));
  args.push(...schedulerArguments(options));
  if (options.serviceClusterIpRange !== undefined)
    args.push('--service-cluster-ip-range', options.serviceClusterIpRange.join(','));
  args.push(
    ...dnsArguments(options),
    ...podRangeArguments(options),
    ...loadBalancerArguments(options),
    ...listenArguments(options),
    ...proxyModeArguments(options),
    ...credentialProviderArguments(options),
  );
  if (options.etcdPort !== undefined) args.push('--etcd-port', String(options.etcdPort));
  if (options.ephemeral) args.push('--ephemeral');
  if (options.wait) args.push('--wait');
  return args;
}
const lastLine = (file: string): string =>
  existsSync(file) ? (readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '') : '';
