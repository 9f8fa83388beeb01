import { connect } from 'node:net';
import type { World } from '../../../../bus/world.ts';
import { explain } from '../../../../actors/runtime/outbound/go-errors.ts';
import type { ProbeResult } from '../../../runtime/interface.ts';
import { hostPort } from './target.ts';

/** Whether a connection can be opened; it is closed at once. Rejects with the signal's reason. Source: pkg/probe/tcp DoTCPProbe. */
export function tcpProbe(
  clock: World['clock'],
  { host, port }: { readonly host: string; readonly port: number },
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connect({ host, port });
    const finish = (result: ProbeResult | undefined): void => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      if (result === undefined) reject(signal.reason as Error);
      else resolve(result);
    };
    const onAbort = (): void => finish(undefined);
    const timer = clock.setTimeout(
      () => finish({ success: false, output: `dial tcp ${hostPort(host, port)}: i/o timeout` }),
      timeoutMs,
    );
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => finish({ success: true, output: '' }));
    socket.on('error', (error) => finish({ success: false, output: explain(error, { host, port }) }));
  });
}
