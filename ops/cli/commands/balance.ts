import { readFileSync } from 'node:fs';
import { startBalancer } from '../../process/balancer.ts';
import { hostAndPort } from '../../process/balancer-probe.ts';
import { openHealthDoor } from '../../process/health.ts';
import { print, printError, UserError } from '../output.ts';
import { untilSignal } from '../signals.ts';

/** Connections that have not ended by then are cut off; a watch would last for ever. */
const GRACE_MS = 5_000;

export async function balance(options: {
  readonly to: readonly string[];
  readonly listen: string;
  readonly ca?: string;
  readonly health?: number;
}): Promise<void> {
  for (const address of [options.listen, ...options.to]) {
    const { host, port } = hostAndPort(address);
    if (host === '' || !Number.isInteger(port) || port < 1 || port > 65_535)
      throw new UserError(`"${address}" is not an address: write host:port`, 2);
  }
  let ca: string | undefined;
  try {
    ca = options.ca === undefined ? undefined : readFileSync(options.ca, 'utf8');
  } catch (error) {
    throw new UserError(`--ca ${options.ca} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  const listen = hostAndPort(options.listen);
  const onChange = (text: string): void => print(`kubus: ${text}`);
  const balancer = await startBalancer({ ...listen, to: options.to, ca, onChange }).catch((error: unknown) => {
    throw new UserError(`cannot listen on ${options.listen} (${(error as Error).message}): choose another --listen`);
  });
  const state = (): string => `${balancer.ready()} ready`;
  const health =
    options.health === undefined
      ? undefined
      : await openHealthDoor(options.health, () => ({
          healthy: balancer.ready() > 0,
          components: [{ name: 'balancer', state: state(), connected: true }],
        }));
  print(`running: ${options.listen} -> ${options.to.join(', ')}`);
  const signal = await untilSignal();
  printError(`kubus: ${signal}: taking no new connection`);
  health?.close();
  await balancer.close(GRACE_MS);
  process.exit(0);
}
