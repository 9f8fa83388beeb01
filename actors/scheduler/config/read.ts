/**
 * `readSchedulerConfiguration(source, readFile)`: a KubeSchedulerConfiguration from a decoded file, complete and checked.
 * Pure but for the files of certificates that extenders name, which the caller reads.
 */
import {
  checkShape,
  decodeConfiguration,
  notVersioned,
  StrictError,
  type Source,
} from '../../../schemas/codec/configuration.ts';
import { parseDuration } from '../../../schemas/meta/duration.ts';
import type { PluginArgs } from '../plugins/args.ts';
import { defaultArguments } from './arguments.ts';
import {
  POINTS,
  type ExtenderConfiguration,
  type ExtenderTls,
  type PluginConfiguration,
  type PluginRef,
  type PluginSet,
  type PluginSets,
  type ProfileConfiguration,
  type SchedulerConfiguration,
} from './configuration.ts';
import { mergeSets, namesIn } from './plugin-sets.ts';
import { ARGUMENTS, CONFIGURATION, GROUP_VERSION } from './shapes.ts';
import { validateConfiguration } from './validate.ts';

interface RawSet {
  readonly enabled?: readonly Partial<PluginRef>[];
  readonly disabled?: readonly Partial<PluginRef>[];
}
interface RawProfile {
  readonly schedulerName?: string;
  readonly percentageOfNodesToScore?: number;
  readonly plugins?: Readonly<Record<string, RawSet>>;
  readonly pluginConfig?: readonly { readonly name?: string; readonly args?: unknown }[];
}
interface RawTls {
  readonly insecure?: boolean;
  readonly serverName?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly caFile?: string;
  readonly certData?: string;
  readonly keyData?: string;
  readonly caData?: string;
}
interface RawExtender extends Partial<Omit<ExtenderConfiguration, 'tlsConfig' | 'managedResources' | 'httpTimeoutMs'>> {
  readonly tlsConfig?: RawTls;
  readonly httpTimeout?: string;
  readonly managedResources?: readonly { readonly name?: string; readonly ignoredByScheduler?: boolean }[];
}
interface Raw extends Partial<Omit<SchedulerConfiguration, 'profiles' | 'extenders' | 'leaderElection'>> {
  readonly profiles?: readonly RawProfile[];
  readonly extenders?: readonly RawExtender[];
  readonly leaderElection?: Partial<SchedulerConfiguration['leaderElection']>;
}
export const DEFAULT_SCHEDULER_NAME = 'default-scheduler';
/** Source: scheduler extender.go DefaultExtenderTimeout. */
const EXTENDER_TIMEOUT_MS = 5_000;

/** `readFile`: of a certificate or a key; throws Error with what is shown. Thrown: Error in the words of kube-scheduler. */
export function readSchedulerConfiguration(source: Source, readFile: (path: string) => string): SchedulerConfiguration {
  const raw = decode(source);
  const configuration = complete(raw);
  const problem = validateConfiguration(configuration);
  if (problem !== undefined) throw new Error(problem);
  return withFiles(raw, configuration, readFile);
}
/** What holds where nobody says anything. */
export const defaultConfiguration = (): SchedulerConfiguration => complete({});

/** Plugins' arguments are read one by one, behind all the rest. Source: kube-scheduler config v1 DecodeNestedObjects. */
function decode(source: Source): Raw {
  const { kind, apiVersion } = (source.value ?? {}) as { readonly kind?: string; readonly apiVersion?: string };
  if (apiVersion === GROUP_VERSION && Object.values(ARGUMENTS).some(({ struct }) => struct === kind))
    throw new StrictError(`couldn't decode as KubeSchedulerConfiguration, got ${GROUP_VERSION}, Kind=${kind}: `);
  const { value, unknown } = decodeConfiguration(source, CONFIGURATION);
  const raw = value as Raw;
  const strict = [...unknown];
  raw.profiles?.forEach(({ pluginConfig = [] }, i) =>
    pluginConfig.forEach(({ name = '', args }, j) => {
      const at = `decoding .profiles[${i}].pluginConfig[${j}]: `;
      const own = checkArguments(name, args, at);
      if (own.length > 0)
        strict.push(`${at}strict decoding error: decoding args for plugin ${name}: strict decoding error: ${own.join(', ')}`);
    }),
  );
  if (strict.length > 0) throw new StrictError(`strict decoding error: ${strict.join(', ')}`);
  return raw;
} // prettier-ignore
/** Thrown: StrictError. Returns what it does not know. */
function checkArguments(name: string, args: unknown, at: string): readonly string[] {
  const shape = ARGUMENTS[name];
  if (shape === undefined || args === undefined) return [];
  const kind = `${name}Args`;
  const said = args as { readonly apiVersion?: unknown; readonly kind?: unknown };
  const decoding = `${at}decoding args for plugin ${name}: `;
  try {
    if (typeof args !== 'object' || Array.isArray(args)) throw new StrictError(notVersioned(args));
    else {
      const [version, own] = [String(said.apiVersion ?? GROUP_VERSION), String(said.kind ?? kind)];
      if (version !== GROUP_VERSION || !Object.values(ARGUMENTS).some((other) => other.struct === own))
        throw new StrictError(`no kind ${JSON.stringify(own)} is registered for version ${JSON.stringify(version)} in scheme "pkg/runtime/scheme.go:111"`);
    }
    const unknown = checkShape(args, shape, 'v1');
    if (said.kind !== undefined && said.kind !== kind)
      throw new Error(`${at}args for plugin ${name} were not of type ${kind}.kubescheduler.config.k8s.io, got ${String(said.kind)}.kubescheduler.config.k8s.io`);
    return unknown;
  } catch (error) {
    if (!(error instanceof StrictError)) throw error;
    throw new StrictError(decoding + error.message);
  }
} // prettier-ignore

/** Source: kube-scheduler apis/config/v1 defaults.go. */
function complete(raw: Raw): SchedulerConfiguration {
  const profiles = raw.profiles?.length ? raw.profiles : [{}];
  return {
    parallelism: raw.parallelism ?? 16,
    percentageOfNodesToScore: raw.percentageOfNodesToScore ?? 0,
    podInitialBackoffSeconds: raw.podInitialBackoffSeconds ?? 1,
    podMaxBackoffSeconds: raw.podMaxBackoffSeconds ?? 10,
    delayCacheUntilActive: raw.delayCacheUntilActive ?? false,
    leaderElection: {
      leaderElect: raw.leaderElection?.leaderElect ?? true,
      leaseDuration: orDefault(raw.leaderElection?.leaseDuration, '15s'),
      renewDeadline: orDefault(raw.leaderElection?.renewDeadline, '10s'),
      retryPeriod: orDefault(raw.leaderElection?.retryPeriod, '2s'),
      resourceLock: raw.leaderElection?.resourceLock || 'leases',
      resourceName: raw.leaderElection?.resourceName || 'kube-scheduler',
      resourceNamespace: raw.leaderElection?.resourceNamespace || 'kube-system',
    },
    clientConnection: { burst: raw.clientConnection?.burst || 100 },
    profiles: profiles.map((profile) => completeProfile(profile, profiles.length === 1)),
    extenders: (raw.extenders ?? []).map(completeExtender),
  };
}
const orDefault = (duration: string | undefined, fallback: string): string =>
  duration === undefined || parseDuration(duration) === 0n ? fallback : duration;

function completeProfile(raw: RawProfile, alone: boolean): ProfileConfiguration {
  const plugins = mergeSets(setsOf(raw.plugins));
  const given = (raw.pluginConfig ?? []).map(({ name = '', args }): PluginConfiguration => ({
    name,
    args: defaultArguments(name, args as PluginArgs & Record<string, unknown>),
  }));
  const named = new Set(given.map(({ name }) => name));
  const others = namesIn(plugins)
    .filter((name) => !named.has(name) && ARGUMENTS[name] !== undefined)
    .map((name): PluginConfiguration => ({ name, args: defaultArguments(name, {}) }));
  return {
    schedulerName: raw.schedulerName ?? (alone ? DEFAULT_SCHEDULER_NAME : ''),
    ...(raw.percentageOfNodesToScore !== undefined && { percentageOfNodesToScore: raw.percentageOfNodesToScore }),
    plugins,
    pluginConfig: [...given, ...others],
  };
}
const refs = (list: readonly Partial<PluginRef>[] = []): PluginRef[] =>
  list.map(({ name = '', weight = 0 }) => ({ name, weight }));
const setOf = (raw: RawSet | undefined): PluginSet => ({
  enabled: refs(raw?.enabled),
  disabled: refs(raw?.disabled),
});
const setsOf = (raw: RawProfile['plugins']): PluginSets =>
  Object.fromEntries(['multiPoint' as const, ...POINTS].map((point) => [point, setOf(raw?.[point])])) as PluginSets;

function completeExtender(raw: RawExtender): ExtenderConfiguration {
  const timeout = raw.httpTimeout === undefined ? 0n : (parseDuration(raw.httpTimeout) as bigint);
  return {
    urlPrefix: raw.urlPrefix ?? '',
    filterVerb: raw.filterVerb ?? '',
    preemptVerb: raw.preemptVerb ?? '',
    prioritizeVerb: raw.prioritizeVerb ?? '',
    bindVerb: raw.bindVerb ?? '',
    weight: raw.weight ?? 0,
    enableHTTPS: raw.enableHTTPS ?? false,
    httpTimeoutMs: timeout === 0n ? EXTENDER_TIMEOUT_MS : Number(timeout) / 1e6,
    nodeCacheCapable: raw.nodeCacheCapable ?? false,
    managedResources: (raw.managedResources ?? []).map((one) => ({
      name: one.name ?? '',
      ignoredByScheduler: one.ignoredByScheduler ?? false,
    })),
    ignorable: raw.ignorable ?? false,
  };
}
/** Those that can be passed over are asked last. Source: scheduler.go buildExtenders, client-go transport TLSConfigFor. */
function withFiles(
  raw: Raw,
  configuration: SchedulerConfiguration,
  readFile: (path: string) => string,
): SchedulerConfiguration {
  const extenders = configuration.extenders.map((extender, i) => {
    try {
      const tlsConfig = tlsOf(raw.extenders![i]!, readFile);
      return tlsConfig === undefined ? extender : { ...extender, tlsConfig };
    } catch (error) {
      throw new Error(`couldn't build extenders: ${(error as Error).message}`, { cause: error });
    }
  });
  return {
    ...configuration,
    extenders: [...extenders.filter((e) => !e.ignorable), ...extenders.filter((e) => e.ignorable)],
    profiles: withoutIgnored(configuration),
  };
}
function tlsOf({ tlsConfig: raw, enableHTTPS }: RawExtender, readFile: (path: string) => string): ExtenderTls | undefined {
  if (raw === undefined) return enableHTTPS ? { insecure: true } : undefined;
  const content = (data: string | undefined, file: string | undefined): string | undefined =>
    data ? Buffer.from(data, 'base64').toString() : file ? readFile(file) : undefined;
  const hasCa = Boolean(raw.caFile || raw.caData);
  const insecure = raw.insecure === true || (enableHTTPS === true && !hasCa);
  if (hasCa && insecure) throw new Error('specifying a root certificates file with the insecure flag is not allowed');
  const [ca, cert, key] = [content(raw.caData, raw.caFile), content(raw.certData, raw.certFile), content(raw.keyData, raw.keyFile)];
  if ((cert === undefined) !== (key === undefined))
    throw new Error('tls: failed to find any PEM data in ' + (cert === undefined ? 'certificate' : 'key') + ' input');
  return { insecure, ...(raw.serverName && { serverName: raw.serverName }), ca, cert, key };
} // prettier-ignore
/** What extenders alone account for, the filter for resources passes over. */
function withoutIgnored({ profiles, extenders }: SchedulerConfiguration): readonly ProfileConfiguration[] {
  const ignored = extenders.flatMap((e) => e.managedResources.filter((r) => r.ignoredByScheduler).map((r) => r.name));
  if (ignored.length === 0) return profiles;
  return profiles.map((profile) => ({
    ...profile,
    pluginConfig: profile.pluginConfig.map((one) =>
      one.name === 'NodeResourcesFit' ? { ...one, args: { ...one.args, ignoredResources: ignored } } : one,
    ),
  }));
}
