import { statusOf } from '../../../../schemas/meta/status.ts';
import type { Core, ForwardAnswer } from '../../core.ts';
import type { PathAnswer } from '../../request.ts';
import type { Exchange } from './exchange.ts';
import { forward } from './forward.ts';
import { respondPath, respondText } from './respond.ts';

/** To another API server; what goes wrong on the way is said in plain text. Source: kube-aggregator pkg/apiserver handler_proxy.go. */
export async function handOn(core: Core, exchange: Exchange, answer: ForwardAnswer | PathAnswer, client: string): Promise<void> {
  if (!('type' in answer)) return respondPath(core, exchange, answer);
  try {
    await forward(core, exchange, answer, client);
  } catch (error) {
    if (!exchange.sent) respondText(core, exchange, 503, `${statusOf(error)?.message ?? (error as Error).message}\n`);
  }
} // prettier-ignore
