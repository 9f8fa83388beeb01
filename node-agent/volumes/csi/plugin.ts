import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Pod, Secret, SecretReference } from '../../../schemas/generated/core-v1.ts';
import type { CSIDriver, VolumeAttachment } from '../../../schemas/generated/storage-v1.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { csiDrivers, secrets, volumeAttachments } from '../../../actors/runtime/resources.ts';
import { grpcCode } from '../../grpc/client.ts';
import { mountedOn } from '../mounts.ts';
import { folderOf, giveToPod } from '../plugins/folder.ts';
import { nameOf, VolumeError, type Mounted, type PodVolume, type VolumeHost, type VolumePlugin } from '../plugin.ts';
import type { CsiDriver } from './drivers.ts';
import { expandIfPending, LOOK_MS } from './expand.ts';
import { CAN, NODE } from './protocol.ts';
import { attachmentName, saveVolumeData, stagingFolder } from './volume-data.ts';
import {
  capability,
  checkLifecycle,
  podInfo,
  said,
  sourceOf,
  takesGroup,
  type Source,
  type Strings,
} from './source.ts';
import { removeFolder, removeStaging, takeOff } from './take-off.ts';

const PLUGIN = 'kubernetes.io/csi';
/** How often what has to be published again is. Source: kubelet syncFrequency. */
const REPUBLISH_MS = 60_000;
/** Source: defaults of storage.k8s.io/v1 TokenRequest. */
const TOKEN_SECONDS = 3_600;
/** After these nobody knows what the driver has done. Source: pkg/volume/csi isFinalError. */
const UNCERTAIN: ReadonlySet<string | undefined> = new Set([
  'Canceled',
  'DeadlineExceeded',
  'Unavailable',
  'ResourceExhausted',
  'Aborted',
]);
/** Volumes that a driver of the node mounts. Source: pkg/volume/csi csi_attacher.go, csi_mounter.go. */
export const csi: VolumePlugin = {
  name: PLUGIN,
  async setUp(volume, host, signal) {
    const source = sourceOf(volume);
    return host.csi.alone(`${source.driver}^${source.handle}`, () => setUp(volume, source, host, signal));
  },
  async tearDown(volume, host) {
    await takeOff(folderOf(volume, host, PLUGIN), host);
  },
};
async function setUp(volume: PodVolume, source: Source, host: VolumeHost, signal: AbortSignal): Promise<Mounted> {
  if (volume.persistent?.spec?.volumeMode === 'Block') throw new Error(said('block volumes of CSI drivers are not supported'));
  const object = await driverObject(host, source.driver, signal);
  const staged = source.lifecycle === 'Persistent' ? await stage(volume, source, object, host, signal) : undefined;
  const mounted = await publish(volume, source, object, staged, host, signal);
  if (staged === undefined) return mounted;
  const driver = host.csi.drivers.of(source.driver);
  const place = { staging: staged.path, path: mounted.path };
  await expandIfPending(volume, source, driver, place, host, (ref) => credentials(host, ref, 'NodeExpandSecretRef', signal), signal);
  if (!driver.can(CAN.expand)) return mounted;
  return { ...mounted, refreshAt: Math.min(mounted.refreshAt ?? Infinity, host.world.clock.now() + LOOK_MS) };
} // prettier-ignore
async function driverObject({ client }: VolumeHost, name: string, signal: AbortSignal): Promise<CSIDriver | undefined> {
  try {
    return await client.get<CSIDriver>(csiDrivers, name, undefined, { signal });
  } catch (error) {
    if (reasonOf(error) === 'NotFound') return undefined;
    throw error;
  }
}
interface Staged {
  /** '' where the driver does not stage. */
  readonly path: string;
  readonly context: Strings;
}
async function stage(
  volume: PodVolume,
  source: Source,
  object: CSIDriver | undefined,
  host: VolumeHost,
  signal: AbortSignal,
): Promise<Staged> {
  const failed = (message: string, cause?: unknown): VolumeError =>
    new VolumeError('MountVolume.MountDevice failed', message, { cause });
  let driver: CsiDriver;
  try {
    driver = host.csi.drivers.of(source.driver);
  } catch (error) {
    throw failed(said(`attacher.MountDevice failed to create newCsiDriverClient: ${(error as Error).message}`), error);
  }
  try {
    const context = await publishContext(source, object, host, signal);
    const path = stagingFolder(host.csi.plugins, source.driver, source.handle);
    await mkdir(path, { recursive: true, mode: 0o750 });
    if (!driver.can(CAN.stage)) return { path: '', context };
    if (host.csi.published.has(folderOf(volume, host, PLUGIN))) return { path, context };
    const stageSecrets =
      source.stageSecret === undefined ? {} : await credentials(host, source.stageSecret, 'NodeStageSecretRef', signal);
    await saveVolumeData(dirname(path), { volumeHandle: source.handle, driverName: source.driver });
    signal.throwIfAborted();
    await driver
      .call(NODE.stage, {
        volumeId: source.handle,
        publishContext: context,
        stagingTargetPath: host.csi.seenAs(path),
        volumeCapability: capability(source, driver, volume.pod),
        secrets: stageSecrets,
        volumeContext: source.attributes,
      })
      .catch(async (error: unknown) => {
        if (!UNCERTAIN.has(grpcCode(error))) await removeStaging(path, host).catch(() => undefined);
        throw error;
      });
    return { path, context };
  } catch (error) {
    signal.throwIfAborted();
    throw failed((error as Error).message, error);
  }
}
/** What the controller that attached it has to say to the node. */
async function publishContext(
  { handle, driver }: Source,
  object: CSIDriver | undefined,
  { client, nodeName }: VolumeHost,
  signal: AbortSignal,
): Promise<Strings> {
  if (object?.spec.attachRequired === false) return {};
  const { status } = await client.get<VolumeAttachment>(
    volumeAttachments,
    attachmentName(handle, driver, nodeName),
    undefined,
    { signal },
  );
  return status?.attachmentMetadata ?? {};
}
async function credentials(
  { client }: VolumeHost,
  { name = '', namespace = '' }: SecretReference,
  field: string,
  signal: AbortSignal,
): Promise<Strings> {
  try {
    const { data = {} } = await client.get<Secret>(secrets, name, namespace, { signal });
    return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'base64').toString()]));
  } catch (error) {
    const why = said(
      `failed to find the secret ${name} in the namespace ${namespace} with error: ${(error as Error).message}`,
    );
    throw new Error(`fetching ${field} ${namespace}/${name} failed: ${why}`, { cause: error });
  }
}
async function publish(
  volume: PodVolume,
  source: Source,
  object: CSIDriver | undefined,
  staged: Staged | undefined,
  host: VolumeHost,
  signal: AbortSignal,
): Promise<Mounted> {
  let driver: CsiDriver;
  try {
    driver = host.csi.drivers.of(source.driver);
  } catch (error) {
    throw new Error(said(`mounter.SetUpAt failed to get CSI client: ${(error as Error).message}`), { cause: error });
  }
  checkLifecycle(source, object);
  const folder = folderOf(volume, host, PLUGIN);
  const path = join(folder, 'mount');
  // Once is enough, unless the driver wants it again and again.
  if (host.csi.published.has(folder) && object?.spec.requiresRepublish !== true)
    return { path, readOnly: source.readOnly };
  await mkdir(folder, { recursive: true, mode: 0o750 });
  const publishSecrets =
    source.publishSecret === undefined
      ? {}
      : await credentials(host, source.publishSecret, 'NodePublishSecretRef', signal);
  const { tokens, refreshAt } = await tokensFor(volume.pod, object, host, signal);
  const inSecrets = object?.spec.serviceAccountTokenInSecrets === true;
  const wasMounted = mountedOn(await host.mounts.list(), path) !== undefined;
  await saveVolumeData(folder, {
    specVolID: nameOf(volume),
    volumeHandle: source.handle,
    driverName: source.driver,
    nodeName: host.nodeName,
    volumeLifecycleMode: source.lifecycle,
    attachmentID: attachmentName(source.handle, source.driver, host.nodeName),
  });
  signal.throwIfAborted();
  try {
    await driver.call(NODE.publish, {
      volumeId: source.handle,
      publishContext: staged?.context ?? {},
      stagingTargetPath: staged?.path ? host.csi.seenAs(staged.path) : '',
      targetPath: host.csi.seenAs(path),
      volumeCapability: capability(source, driver, volume.pod),
      readonly: source.readOnly,
      secrets: { ...publishSecrets, ...(inSecrets && tokens) },
      volumeContext: {
        ...source.attributes,
        ...(object?.spec.podInfoOnMount === true && podInfo(volume.pod, source)),
        ...(!inSecrets && tokens),
      },
    });
  } catch (error) {
    // What is published already a pod looks at: it stays.
    if (!wasMounted && !UNCERTAIN.has(grpcCode(error))) await removeFolder(folder, host).catch(() => undefined);
    throw error;
  }
  if (!wasMounted && !driver.can(CAN.mountGroup) && takesGroup(source, object))
    await giveToPod(path, volume, { readOnly: source.readOnly, honoursPolicy: true, signal });
  host.csi.published.add(folder);
  const again =
    object?.spec.requiresRepublish === true ? Math.min(refreshAt, host.world.clock.now() + REPUBLISH_MS) : Infinity;
  return { path, readOnly: source.readOnly, ...(Number.isFinite(again) && { refreshAt: again }) };
}
async function tokensFor(
  pod: Pod,
  object: CSIDriver | undefined,
  host: VolumeHost,
  signal: AbortSignal,
): Promise<{ tokens: Strings; refreshAt: number }> {
  const wanted = object?.spec.tokenRequests ?? [];
  if (wanted.length === 0) return { tokens: {}, refreshAt: Infinity };
  const found: Record<string, { expirationTimestamp: string; token: string }> = {};
  let refreshAt = Infinity;
  for (const { audience = '', expirationSeconds = TOKEN_SECONDS } of wanted) {
    const { token, expires, refreshAt: at } = await host.tokens.get(pod, audience, expirationSeconds, signal);
    found[audience] = { token, expirationTimestamp: expires };
    refreshAt = Math.min(refreshAt, at);
  }
  return { tokens: { 'csi.storage.k8s.io/serviceAccount.tokens': JSON.stringify(found) }, refreshAt };
}
