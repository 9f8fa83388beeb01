import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { CSIDriver } from '../../../schemas/generated/storage-v1.ts';
import { grpcCode } from '../../grpc/client.ts';
import { mountedOn } from '../mounts.ts';
import { folderOf, giveToPod } from '../plugins/folder.ts';
import {
  isBlock,
  nameOf,
  VolumeError,
  type Mounted,
  type PodVolume,
  type VolumeHost,
  type VolumePlugin,
} from '../plugin.ts';
import { deviceOf, setUpDevice, takeDeviceOff } from './block.ts';
import type { CsiDriver } from './drivers.ts';
import { driverFigures } from './figures.ts';
import { LOOK_MS } from '../expansion.ts';
import { expandWithVolume } from './expand.ts';
import { credentials, driverObject, fetching, publishContext } from './objects.ts';
import { CAN, NODE } from './protocol.ts';
import { attachmentName, saveVolumeData, stagingFolder } from './volume-data.ts';
import {
  capability,
  checkLifecycle,
  podInfo,
  said,
  sourceOf,
  takesGroup,
  UNCERTAIN,
  type Source,
  type Strings,
} from './source.ts';
import { removeFolder, removeStaging, takeOff } from './take-off.ts';

const PLUGIN = 'kubernetes.io/csi';
/** How often what has to be published again is. Source: kubelet syncFrequency. */
const REPUBLISH_MS = 60_000;
/** Source: defaults of storage.k8s.io/v1 TokenRequest. */
const TOKEN_SECONDS = 3_600;
/** Volumes that a driver of the node mounts. Source: pkg/volume/csi csi_attacher.go, csi_mounter.go. */
export const csi: VolumePlugin = {
  name: PLUGIN,
  async setUp(volume, host, signal) {
    const source = sourceOf(volume);
    const make = source.isBlock ? setUpDevice : setUp;
    const mounted = await host.csi.alone(`${source.driver}^${source.handle}`, () => make(volume, source, host, signal));
    const at = source.isBlock ? deviceOf(volume, host) : mounted.path;
    return { ...mounted, count: () => driverFigures(host, source, at) };
  },
  async tearDown(volume, host) {
    if (isBlock(volume)) await takeDeviceOff(nameOf(volume), volume.pod.metadata.uid!, host);
    else await takeOff(folderOf(volume, host, PLUGIN), host);
  },
};
async function setUp(volume: PodVolume, source: Source, host: VolumeHost, signal: AbortSignal): Promise<Mounted> {
  const object = await driverObject(host, source.driver, signal);
  const staged = source.lifecycle === 'Persistent' ? await stage(volume, source, object, host, signal) : undefined;
  const mounted = await publish(volume, source, object, staged, host, signal);
  if (staged === undefined) return mounted;
  const driver = host.csi.drivers.of(source.driver);
  await expandWithVolume(volume, source, { staging: staged.path, path: mounted.path }, host, signal);
  if (!driver.can(CAN.expand)) return mounted;
  return { ...mounted, refreshAt: Math.min(mounted.refreshAt ?? Infinity, host.world.clock.now() + LOOK_MS) };
} // prettier-ignore
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
    const path = stagingFolder(host.plugins, source.driver, source.handle);
    await mkdir(path, { recursive: true, mode: 0o750 });
    if (!driver.can(CAN.stage)) return { path: '', context };
    if (host.csi.published.has(folderOf(volume, host, PLUGIN))) return { path, context };
    const stageSecrets = await credentials(host, source.stageSecret, fetching('NodeStageSecretRef'), signal);
    await saveVolumeData(dirname(path), { volumeHandle: source.handle, driverName: source.driver });
    signal.throwIfAborted();
    await driver
      .call(NODE.stage, {
        volumeId: source.handle,
        publishContext: context,
        stagingTargetPath: path,
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
  const publishSecrets = await credentials(host, source.publishSecret, fetching('NodePublishSecretRef'), signal);
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
      stagingTargetPath: staged?.path ? staged.path : '',
      targetPath: path,
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
