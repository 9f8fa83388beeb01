import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { ConfiguredProfile, OwnPlugin } from '../../actors/scheduler/config/profiles.ts';
import type { SchedulerConfiguration } from '../../actors/scheduler/config/configuration.ts';
import type { PluginThread } from '../../actors/scheduler/outside/plugin-types.ts';
import type { SchedulerSettings } from '../../actors/scheduler/settings.ts';
import type { Logger } from '../../bus/world.ts';
import { UserError } from '../cli/output.ts';
import { writePrivate } from './kubeconfig.ts';

export interface SchedulerFlags {
  /** A KubeSchedulerConfiguration, as kube-scheduler's --config. */
  readonly schedulerConfig?: string | undefined;
  /** Files with plugins of the user's own. */
  readonly schedulerPlugin?: readonly string[] | undefined;
}
/** What a cluster was told, with what the files hold that extenders name: they may be gone at the next start. */
interface Kept {
  readonly configuration?: { readonly file: string; readonly text: string } | undefined;
  readonly certificates: Readonly<Record<string, string>>;
  readonly plugins: readonly string[];
}
const placeOf = (dir: string): string => join(dir, 'pki', 'scheduler.json');
const isAsked = (flags: SchedulerFlags): boolean =>
  flags.schedulerConfig !== undefined || flags.schedulerPlugin !== undefined;

/** Thrown: UserError, for what is wrong with the file or a plugin. */
export async function checkScheduler(flags: SchedulerFlags): Promise<void> {
  if (isAsked(flags)) await tried(keptOf(flags));
}
/** Takes it over for the cluster's schedulers, from their next start on. Thrown: UserError. */
export async function adoptScheduler(dir: string, flags: SchedulerFlags): Promise<void> {
  if (!isAsked(flags)) return;
  const kept = keptOf(flags);
  writePrivate(placeOf(dir), `${JSON.stringify(await tried(kept))}\n`);
}
/** The same on a command line, for another process of ours. */
export const schedulerArguments = ({ schedulerConfig, schedulerPlugin = [] }: SchedulerFlags): string[] => [
  ...(schedulerConfig === undefined ? [] : ['--scheduler-config', resolve(schedulerConfig)]),
  ...schedulerPlugin.flatMap((file) => ['--scheduler-plugin', resolve(file)]),
];
/** What a scheduler of the cluster goes by; undefined: what upstream's does by default. Thrown: UserError. */
export async function schedulerSettings(
  dir: string,
  flags: SchedulerFlags,
  log: Pick<Logger, 'warn'>,
): Promise<SchedulerSettings | undefined> {
  if (isAsked(flags)) return (await load(keptOf(flags), log)).settings;
  if (!existsSync(placeOf(dir))) return undefined;
  return (await load(JSON.parse(readFileSync(placeOf(dir), 'utf8')) as Kept, log)).settings;
}
/** The same for who only wants to know how pods are placed; undefined: as upstream's does by default. Thrown: UserError. */
export async function schedulerProfiles(
  dir: string,
): Promise<{ readonly profiles: SchedulerSettings['profiles']; readonly asksOthers: boolean } | undefined> {
  if (!existsSync(placeOf(dir))) return undefined;
  const kept = JSON.parse(readFileSync(placeOf(dir), 'utf8')) as Kept;
  const { settings, threads } = await load(kept, { warn: () => undefined });
  for (const thread of threads) thread.stop();
  return { profiles: settings.profiles, asksOthers: settings.outside !== undefined };
}

function keptOf({ schedulerConfig, schedulerPlugin = [] }: SchedulerFlags): Kept {
  const file = schedulerConfig === undefined ? undefined : resolve(schedulerConfig);
  return {
    ...(file !== undefined && { configuration: { file, text: contentOf('--scheduler-config', file) } }),
    certificates: {},
    plugins: schedulerPlugin.map((plugin) => resolve(plugin)),
  };
}
function contentOf(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`${flag}: ${(error as Error).message}`);
  }
}
/** Loads all, and lets go of it. Returns what is to be kept. */
async function tried(kept: Kept): Promise<Kept> {
  const { threads, certificates } = await load(kept, { warn: () => undefined });
  for (const thread of threads) thread.stop();
  return { ...kept, certificates };
}
interface Loaded {
  readonly settings: SchedulerSettings;
  readonly threads: readonly PluginThread[];
  readonly certificates: Readonly<Record<string, string>>;
}
async function load(kept: Kept, log: Pick<Logger, 'warn'>): Promise<Loaded> {
  const [{ readSchedulerConfiguration, defaultConfiguration }, { profilesOf }, { createOutside }] = await Promise.all([
    import('../../actors/scheduler/config/read.ts'),
    import('../../actors/scheduler/config/profiles.ts'),
    import('../../actors/scheduler/outside/index.ts'),
  ]);
  const { file = '', text } = kept.configuration ?? {};
  const certificates: Record<string, string> = {};
  const certificate = (path: string): string => {
    const whole = resolve(dirname(file), path);
    return (certificates[path] = kept.certificates[path] !== undefined && !existsSync(whole) ? kept.certificates[path] : readFileSync(whole, 'utf8'));
  };
  const fail = (error: unknown): never => {
    throw new UserError(kept.configuration === undefined ? (error as Error).message : `--scheduler-config ${file}: ${(error as Error).message}`);
  };
  let configuration = defaultConfiguration();
  if (text !== undefined) {
    const { parseYaml } = await import('../../schemas/codec/yaml.ts');
    try {
      const { value, duplicates } = await parseYaml(text);
      configuration = readSchedulerConfiguration({ value, text, duplicates }, certificate);
    } catch (error) {
      fail(error);
    }
  }
  const threads = await startPlugins(kept, configuration, dirname(file), log);
  const own = threads.map(({ name, hooks }): OwnPlugin => ({ name, points: hooks }));
  let profiles: readonly ConfiguredProfile[] = [];
  try {
    profiles = profilesOf(withPlugins(configuration, threads), own);
  } catch (error) {
    for (const thread of threads) thread.stop();
    fail(error);
  }
  const { extenders, leaderElection: lease } = configuration;
  return {
    threads,
    certificates,
    settings: {
      profiles,
      initialBackoffMs: configuration.podInitialBackoffSeconds * 1_000,
      maxBackoffMs: configuration.podMaxBackoffSeconds * 1_000,
      delayCacheUntilActive: configuration.delayCacheUntilActive,
      lease: { namespace: lease.resourceNamespace, name: lease.resourceName },
      ...((extenders.length > 0 || threads.length > 0) && {
        outside: (context) => createOutside(context, { extenders, profiles, threads }),
      }),
    },
  };
} // prettier-ignore
/** Those named on the command line, and those whose `pluginConfig` names a file: `args: {file: ./mine.ts}`. */
async function startPlugins(kept: Kept, { profiles }: SchedulerConfiguration, beside: string, log: Pick<Logger, 'warn'>): Promise<readonly PluginThread[]> {
  const { IN_TREE_POINTS } = await import('../../actors/scheduler/config/plugin-sets.ts');
  const named = profiles.flatMap(({ pluginConfig }) => pluginConfig).filter(({ name, args }) => !Object.hasOwn(IN_TREE_POINTS, name) && typeof args?.['file'] === 'string');
  const files = new Map(kept.plugins.map((path): [string, unknown] => [path, undefined]));
  for (const { args } of named) files.set(resolve(beside, args!['file'] as string), args);
  if (files.size === 0) return [];
  const { startPlugin } = await import('../process/scheduler-plugin/host.ts');
  const threads: PluginThread[] = [];
  try {
    for (const [path, args] of files) threads.push(await startPlugin(path, args, log));
    const twice = threads.find(({ name }, i) => Object.hasOwn(IN_TREE_POINTS, name) || threads.findIndex((other) => other.name === name) < i);
    if (twice !== undefined) throw new Error(`scheduler plugin ${twice.name}: a plugin of this name exists already`);
    return threads;
  } catch (error) {
    for (const thread of threads) thread.stop();
    throw new UserError((error as Error).message);
  }
} // prettier-ignore
/** A plugin from the command line does all that it can in every profile that does not name it. */
function withPlugins(configuration: SchedulerConfiguration, threads: readonly PluginThread[]): SchedulerConfiguration {
  return {
    ...configuration,
    profiles: configuration.profiles.map((profile) => {
      const named = new Set(Object.values(profile.plugins).flatMap(({ enabled, disabled }) => [...enabled, ...disabled].map(({ name }) => name))); // prettier-ignore
      const missing = threads.filter(({ name }) => !named.has(name)).map(({ name }) => ({ name, weight: 0 }));
      const { multiPoint } = profile.plugins;
      return { ...profile, plugins: { ...profile.plugins, multiPoint: { ...multiPoint, enabled: [...multiPoint.enabled, ...missing] } } }; // prettier-ignore
    }),
  };
}
