import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { RuntimeError, type RuntimeAbilities } from '../interface.ts';
import type { IdRange, PodUsers } from './parts.ts';
import type { CriService } from './service.ts';

const NONE: RuntimeAbilities = { recursiveReadOnlyMounts: false, userNamespaces: false };

/**
 * What a runtime can do for pods that it runs in one of its ways; what says nothing of its ways can do nothing. Rejects with
 * GrpcError, and with Error where it has no such way. Source: kubelet HandlerSupportsUserNamespaces.
 */
export async function abilitiesOf(cri: Pick<CriService, 'status'>, handler: string): Promise<RuntimeAbilities> {
  const { runtimeHandlers } = await cri.status();
  if (runtimeHandlers.length === 0) return NONE;
  const found = runtimeHandlers.find(({ name }) => name === handler);
  if (found === undefined) throw new Error(`the handler ${goQuote(handler)} is not known`);
  return found.features ?? NONE;
}
/** Of a pod that is to have users of its own. Rejects with RuntimeError. Source: userns GetOrCreateUserNamespaceMappings. */
export async function usersOf(
  pod: Pod,
  handler: string,
  users: PodUsers | undefined,
  abilities: (handler: string) => Promise<RuntimeAbilities>,
): Promise<IdRange | undefined> {
  if (pod.spec?.hostUsers !== false) return undefined;
  const refuse = (message: string, cause?: unknown): never => {
    throw new RuntimeError('ConfigPodSandboxError', message, { cause });
  };
  const whose = handler === '' ? 'runtime' : `RuntimeClass handler ${goQuote(handler)}`;
  const cannot = `can't set \`spec.hostUsers: false\`, ${whose} does not support user namespaces`;
  const { userNamespaces } = await abilities(handler).catch((error: unknown) => refuse(`${cannot}: ${(error as Error).message}`, error)); // prettier-ignore
  if (!userNamespaces || users === undefined) return refuse(cannot);
  return users.of(pod).catch((error: unknown) => refuse((error as Error).message, error));
}
