import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { pods } from '../../../actors/runtime/resources.ts';

/** Takes a pod that has ended from the API, and no other of its name. */
export async function removePod(client: ApiClient, { metadata }: Pod, signal: AbortSignal): Promise<void> {
  const { name, namespace, uid = '' } = metadata;
  try {
    await client.delete(pods, name!, namespace, { gracePeriodSeconds: 0, preconditions: { uid }, signal });
  } catch (error) {
    const reason = reasonOf(error);
    if (reason !== 'NotFound' && reason !== 'Conflict') throw error;
  }
}
