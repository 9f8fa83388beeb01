import type { Secret, SecretReference } from '../../../schemas/generated/core-v1.ts';
import type { CSIDriver, VolumeAttachment } from '../../../schemas/generated/storage-v1.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { csiDrivers, secrets, volumeAttachments } from '../../../actors/runtime/resources.ts';
import type { VolumeHost } from '../plugin.ts';
import { said, type Source, type Strings } from './source.ts';
import { attachmentName } from './volume-data.ts';

/** What the API says of a driver; undefined: nothing. */
export async function driverObject({ client }: VolumeHost, name: string, signal: AbortSignal): Promise<CSIDriver | undefined> {
  try {
    return await client.get<CSIDriver>(csiDrivers, name, undefined, { signal });
  } catch (error) {
    if (reasonOf(error) === 'NotFound') return undefined;
    throw error;
  }
} // prettier-ignore
/** What the controller that attached a volume has to say to the node. Rejects with ApiError. */
export async function publishContext({ handle, driver }: Source, object: CSIDriver | undefined, { client, nodeName }: VolumeHost, signal: AbortSignal): Promise<Strings> {
  if (object?.spec.attachRequired === false) return {};
  const name = attachmentName(handle, driver, nodeName);
  const { status } = await client.get<VolumeAttachment>(volumeAttachments, name, undefined, { signal });
  return status?.attachmentMetadata ?? {};
} // prettier-ignore
/** What is in a Secret, for the driver; nothing where none is named. Rejects with what `failed` makes of `<namespace>/<name>` and the reason. Source: getCredentialsFromSecret. */
export async function credentials({ client }: VolumeHost, ref: SecretReference | undefined, failed: (ref: string, why: string) => string, signal: AbortSignal): Promise<Strings> {
  if (ref === undefined) return {};
  const { name = '', namespace = '' } = ref;
  try {
    const { data = {} } = await client.get<Secret>(secrets, name, namespace, { signal });
    return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]));
  } catch (error) {
    signal.throwIfAborted();
    const why = said(`failed to find the secret ${name} in the namespace ${namespace} with error: ${(error as Error).message}`);
    throw new Error(failed(`${namespace}/${name}`, why), { cause: error });
  }
} // prettier-ignore
/** How failing to read a field's Secret is told where volumes are mounted. */
export const fetching =
  (field: string) =>
  (ref: string, why: string): string =>
    `fetching ${field} ${ref} failed: ${why}`;
