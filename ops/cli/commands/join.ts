import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { nodesDir } from '../../cluster/paths.ts';
import { openHealthDoor } from '../../process/health.ts';
import { hasJoined, startJoinedNode } from '../../process/joined-node.ts';
import { makeFolder } from '../../cluster/config.ts';
import { checkCredentialProviders, credentialProviderFlags } from '../../cluster/credential-providers.ts';
import { checkProxyMode } from '../../cluster/proxy-mode.ts';
import type { OwnMachine } from '../../machine/own-machine.ts';
import { checkCanHaveRealNodes } from '../../machine/settle.ts';
import { print, printError, UserError } from '../output.ts';
import type { RunOptions } from './run.ts';
import { untilSignal } from '../signals.ts';

/** Whether `kubus run nodes` is told to join as one node, by a token, by the key that it was exchanged for, or by its certificate. */
export const joins = (components: readonly string[], options: RunOptions): boolean =>
  options.token !== undefined ||
  (components.length === 1 && components[0] === 'nodes' && options.node?.length === 1 && hasJoined(folderOf(options)));
const folderOf = ({ data, node = [] }: RunOptions): string =>
  data === undefined ? join(nodesDir(), encodeURIComponent(node[0] ?? '')) : resolve(data);

/** One node on this machine, as a member of a cluster that may be elsewhere; until a signal comes. */
export async function joinCluster(components: readonly string[], options: RunOptions): Promise<void> {
  const { node: names = [], token } = options;
  if (components.length !== 1 || components[0] !== 'nodes' || names.length !== 1)
    throw new UserError('a token is for one node: kubus run nodes --node NAME --nats URL --token TOKEN', 2);
  if (token !== undefined && !/^[a-z0-9]{6}\.[a-z0-9]{16}$/.test(token))
    throw new UserError('a token looks like abcdef.0123456789abcdef: make one with: kubus token create', 2);
  const [node = ''] = names;
  let ca: string | undefined;
  try {
    ca = options.ca === undefined ? undefined : readFileSync(options.ca, 'utf8');
  } catch (error) {
    throw new UserError(`--ca: ${(error as Error).message}`);
  }
  const signal = untilSignal();
  const dir = folderOf(options);
  let machine: OwnMachine | undefined;
  if (options.runtime === 'cri') {
    checkCanHaveRealNodes();
    const { ownMachine, runOnOwnMachine, WITHIN } = await import('../../machine/own-machine.ts');
    if (process.env[WITHIN] === undefined) {
      if (options.proxyMode !== undefined) await checkProxyMode(options.proxyMode);
      await checkCredentialProviders(options);
      const warn = (text: string): void => printError(`kubus: ${text}`);
      await ownMachine(dir, node, options.nodeIp, warn);
      makeFolder(dir, '--data');
      process.exit(await runOnOwnMachine({ node, dir, signal, warn }));
    }
    machine = await ownMachine(dir, node, options.nodeIp);
  }
  const running = await startJoinedNode({
    node, token, ca, dir, machine, proxyMode: options.proxyMode, credentialProviders: credentialProviderFlags(options),
    urls: options.nats?.split(','), log: options.log,
  }); // prettier-ignore
  const health = options.health === undefined ? undefined : await openHealthDoor(options.health, running.health);
  await Promise.race([running.ready.then(() => print(`running: node ${node}`)), signal]);
  await signal;
  health?.close();
  await running.stop();
  process.exit(0);
}
