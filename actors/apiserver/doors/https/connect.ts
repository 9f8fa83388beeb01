import { reasonOf, toStatus } from '../../../../schemas/meta/status.ts';
import type { ConnectAnswer, Core } from '../../core.ts';
import { badRequest } from '../../errors.ts';
import { serveConnect } from '../../../runtime/streaming/serve.ts';
import { refuse } from '../../../runtime/streaming/upgrades.ts';
import type { Exchange } from './exchange.ts';
import { forward } from './forward.ts';

/**
 * Joins a client to a process or to ports of a pod by sessions with the node's agent. Who is not on the bus is asked as any
 * kubelet.
 */
export async function connect(core: Core, exchange: Exchange, answer: ConnectAnswer, client: string): Promise<void> {
  if (exchange.hijack === undefined) throw badRequest('Upgrade request required');
  try {
    await serveConnect(core, exchange, answer.node, answer.asks, (lasts) => noted(exchange, lasts));
  } catch (error) {
    if (exchange.sent) throw error;
    if (reasonOf(error) === 'ServiceUnavailable') return forward(core, exchange, answer.otherwise, client);
    const { code, message = '' } = toStatus(error);
    refuse(exchange, code, message);
  }
}
/** For as long as it lasts. */
async function noted(exchange: Exchange, lasts: Promise<void>): Promise<void> {
  exchange.lasting = true;
  void exchange.audit?.starts(101);
  await lasts.finally(() => void exchange.audit?.ends());
}
