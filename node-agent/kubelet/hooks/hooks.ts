import { delay, type World } from '../../../bus/world.ts';
import type { LifecycleHandler } from '../../../schemas/generated/core-v1.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { RuntimeError, type ContainerRuntime } from '../../runtime/interface.ts';
import type { Asked, Handlers } from '../handlers.ts';
import { httpGet } from '../probe/network/http.ts';
import { httpTarget } from '../probe/network/target.ts';

/** A server that was asked with TLS and knows none is asked again without. Source: kubelet lifecycle isHTTPResponseError. */
const NO_TLS = 'server gave HTTP response to HTTPS client';

/**
 * Runs hooks of containers that can be reached: commands through the runtime, requests and waiting by itself. An answer of
 * any status is a good one. Source: kubelet lifecycle/handlers.go.
 */
export function createHooks(world: World, runtime: Pick<ContainerRuntime, 'runHook'>): Handlers['hook'] {
  const { clock } = world;

  async function ask(asked: Asked, hook: LifecycleHandler, signal: AbortSignal): Promise<void> {
    const target = httpTarget(hook.httpGet!, asked.container, asked.ip, 'lifecycle');
    try {
      await httpGet(clock, target, { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error as Error).message.includes(NO_TLS)) throw error;
      // What proves who asks is not for everyone to read.
      const { Authorization: _, ...headers } = target.headers;
      await httpGet(clock, { ...target, scheme: 'http', headers }, { signal });
      const host = target.host.includes(':') ? `[${target.host}]` : target.host;
      asked.tell(
        'Warning',
        'LifecycleHTTPFallback',
        `request to HTTPS lifecycle hook ${host}:${target.port} got HTTP response, retry with HTTP succeeded`,
      );
    }
  }
  return async (asked, kind, hook, signal) => {
    const { name, namespace, uid } = asked.pod.metadata;
    const at = `for Container ${goQuote(asked.container.name)} in Pod ${goQuote(`${name}_${namespace}(${uid})`)} failed - error:`;
    const failed = (message: string, cause: unknown): never => {
      signal.throwIfAborted();
      throw new RuntimeError(kind === 'postStart' ? 'PostStartHookError' : 'PreStopHookError', message, { cause });
    };
    const { exec, httpGet: request, sleep } = hook;
    if (exec !== undefined)
      await runtime
        .runHook(asked.id, kind, hook, signal)
        .catch((error: Error & { output?: string }) =>
          failed(
            `Exec lifecycle hook (${goList(exec.command)}) ${at} ${error.message}, message: ${goQuote(error.output ?? '')}`,
            error,
          ),
        );
    else if (request !== undefined)
      await ask(asked, hook, signal).catch((error: Error) =>
        failed(`HTTP lifecycle hook (${request.path}) ${at} ${error.message}`, error),
      );
    else if (sleep !== undefined) await delay(clock, sleep.seconds * 1_000, signal);
    else
      failed('Cannot run handler: invalid handler: it names neither a command, nor a request, nor a time', undefined);
  };
}
/** As Go prints a list. */
const goList = (words: readonly string[] = []): string => `[${words.join(' ')}]`;
