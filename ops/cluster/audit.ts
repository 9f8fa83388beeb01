import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { AuditMode, BatchOptions } from '../../actors/apiserver/audit/batching.ts';
import type { AuditOptions, AuditSink } from '../../actors/apiserver/audit/sink.ts';
import { parseDuration } from '../../schemas/meta/duration.ts';
import { UserError } from '../cli/output.ts';
import { writePrivate } from './kubeconfig.ts';
import { readWebhookKubeconfig, webhookServerOf, type WebhookKubeconfig } from './webhook-kubeconfig.ts';

/** What both backends have; the rest of a flag's name is in front. */
interface OfBackend {
  readonly Mode: string;
  readonly Version: string;
  readonly BatchBufferSize: number;
  readonly BatchMaxSize: number;
  readonly BatchMaxWait: string;
  readonly BatchThrottleEnable: boolean;
  readonly BatchThrottleQps: number;
  readonly BatchThrottleBurst: number;
  readonly TruncateEnabled: boolean;
  readonly TruncateMaxBatchSize: number;
  readonly TruncateMaxEventSize: number;
}
type Of<P extends string> = { readonly [K in keyof OfBackend as `audit${P}${K}`]?: OfBackend[K] | undefined };
interface Own {
  readonly auditPolicyFile?: string | undefined;
  /** `-`: standard output. */
  readonly auditLogPath?: string | undefined;
  readonly auditLogMaxsize?: number | undefined;
  readonly auditLogMaxbackup?: number | undefined;
  readonly auditLogMaxage?: number | undefined;
  readonly auditLogFormat?: string | undefined;
  readonly auditLogCompress?: boolean | undefined;
  readonly auditWebhookConfigFile?: string | undefined;
  readonly auditWebhookInitialBackoff?: string | undefined;
}
/** As kube-apiserver's flags of these names. */
export type AuditFlags = Own & Of<'Log'> & Of<'Webhook'>;
type Backend = 'Log' | 'Webhook';

/** Source: apiserver pkg/server/options/audit.go NewAuditOptions. */
const DEFAULTS: Readonly<Record<Backend, OfBackend>> = {
  Log: {
    Mode: 'blocking', Version: 'audit.k8s.io/v1', BatchBufferSize: 10_000, BatchMaxSize: 1, BatchMaxWait: '0s', BatchThrottleEnable: false,
    BatchThrottleQps: 0, BatchThrottleBurst: 0, TruncateEnabled: false, TruncateMaxBatchSize: 10 * 1024 * 1024, TruncateMaxEventSize: 100 * 1024,
  },
  Webhook: {
    Mode: 'batch', Version: 'audit.k8s.io/v1', BatchBufferSize: 10_000, BatchMaxSize: 400, BatchMaxWait: '30s', BatchThrottleEnable: true,
    BatchThrottleQps: 10, BatchThrottleBurst: 15, TruncateEnabled: false, TruncateMaxBatchSize: 10 * 1024 * 1024, TruncateMaxEventSize: 100 * 1024,
  },
}; // prettier-ignore
const MODES: readonly string[] = ['batch', 'blocking', 'blocking-strict'];
const FORMATS: readonly string[] = ['legacy', 'json'];
const BACKOFF = '10s';
const placeOf = (dir: string): string => join(dir, 'audit.json');

/** What a cluster was told, with what its files hold: they may be gone at the next start. */
interface Kept {
  readonly policy: string;
  readonly webhook?: WebhookKubeconfig | undefined;
}
/** Those of the options of a command that are about this. */
const flagsIn = (options: AuditFlags): AuditFlags =>
  Object.fromEntries(
    Object.entries(options).filter(([name, value]) => name.startsWith('audit') && value !== undefined),
  );
const isAsked = (flags: AuditFlags): boolean => Object.keys(flagsIn(flags)).length > 0;

/** Takes over what the cluster's API servers are to note, from their next start on. Thrown: UserError. */
export async function adoptAudit(dir: string, flags: AuditFlags): Promise<void> {
  if (!isAsked(flags)) return;
  const whole = await checked(flags);
  const kept = { policy: readFileSync(whole.auditPolicyFile!, 'utf8'), webhook: await webhookOf(whole) };
  writePrivate(placeOf(dir), `${JSON.stringify({ ...whole, ...kept })}\n`);
}
/** Thrown: UserError, for what is wrong with the flags or the policy. */
export async function checkAudit(flags: AuditFlags): Promise<void> {
  if (isAsked(flags)) await webhookOf(await checked(flags));
}
/** The same on a command line, for another process of ours. */
export const auditArguments = (flags: AuditFlags): string[] =>
  Object.entries(isAsked(flags) ? absolute(flags) : {}).map(
    ([name, value]) => `--${name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}=${String(value)}`,
  );
/** What an API server is to note: by the flags given, or as its cluster was told. Thrown: UserError. */
export async function auditOf(dir: string, flags: AuditFlags): Promise<AuditOptions | undefined> {
  const own = placeOf(dir);
  if (isAsked(flags)) {
    const whole = await checked(flags);
    const kept = { policy: contentOf(whole.auditPolicyFile!), webhook: await webhookOf(whole) };
    return optionsOf(whole, kept);
  }
  if (!existsSync(own)) return undefined;
  const { policy, webhook, ...whole } = JSON.parse(readFileSync(own, 'utf8')) as AuditFlags & Kept;
  return optionsOf(whole, { policy, webhook });
}
async function optionsOf(flags: AuditFlags, { policy, webhook }: Kept): Promise<AuditOptions> {
  const { evaluate } = await policyFrom(flags.auditPolicyFile!, policy);
  return { evaluate, sink: await sinksOf(flags, webhook) };
}
const webhookOf = ({ auditWebhookConfigFile: file }: AuditFlags): Promise<WebhookKubeconfig> | undefined =>
  file === undefined ? undefined : readWebhookKubeconfig(file);

function absolute(flags: AuditFlags): AuditFlags {
  const { auditPolicyFile: policy, auditLogPath: log, auditWebhookConfigFile: webhook } = flags;
  return {
    ...flagsIn(flags),
    ...(policy !== undefined && { auditPolicyFile: resolve(policy) }),
    ...(log !== undefined && { auditLogPath: log === '-' ? '-' : resolve(log) }),
    ...(webhook !== undefined && { auditWebhookConfigFile: resolve(webhook) }),
  };
}
async function checked(flags: AuditFlags): Promise<AuditFlags> {
  const { auditPolicyFile, auditLogPath, auditWebhookConfigFile } = flags;
  if (auditPolicyFile === undefined || (auditLogPath ?? auditWebhookConfigFile) === undefined)
    throw new UserError('--audit-policy-file and --audit-log-path or --audit-webhook-config-file go together: what is noted, and where', 2); // prettier-ignore
  const problems = [
    ...(auditLogPath === undefined ? [] : [...backendProblems(flags, 'Log'), ...logProblems(flags)]),
    ...(auditWebhookConfigFile === undefined ? [] : backendProblems(flags, 'Webhook')),
  ];
  if (problems.length > 0) throw new UserError(problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`, 2);
  await policyFrom(auditPolicyFile, contentOf(auditPolicyFile));
  return absolute(flags);
}
/** The flags of one backend, or their defaults. */
const ofBackend = (flags: AuditFlags, backend: Backend): OfBackend =>
  Object.fromEntries(
    Object.entries(DEFAULTS[backend]).map(([name, value]) => [
      name,
      (flags as Readonly<Record<string, unknown>>)[`audit${backend}${name}`] ?? value,
    ]),
  ) as unknown as OfBackend;
/** Source: apiserver pkg/server/options/audit.go Validate. */
function* backendProblems(flags: AuditFlags, backend: Backend): Generator<string> {
  const of = ofBackend(flags, backend);
  const name = backend.toLowerCase();
  const positive = (what: string, value: number): string[] =>
    value > 0 ? [] : [`invalid audit batch ${name} ${what} ${value}, must be a positive number`];
  if (!MODES.includes(of.Mode))
    yield `invalid audit ${name} mode ${of.Mode}, allowed modes are ${JSON.stringify(MODES.join(','))}`;
  else if (of.Mode === 'batch') {
    const [first] = [
      ...positive('buffer size', of.BatchBufferSize),
      ...positive('max batch size', of.BatchMaxSize),
      ...(of.BatchThrottleEnable
        ? [...positive('throttle QPS', of.BatchThrottleQps), ...positive('throttle burst', of.BatchThrottleBurst)]
        : []),
    ];
    if (first !== undefined) yield first;
  }
  const { TruncateMaxEventSize: event, TruncateMaxBatchSize: batch } = of;
  if (event <= 0) yield `invalid audit truncate ${name} max event size ${event}, must be a positive number`;
  else if (batch < event)
    yield `invalid audit truncate ${name} max batch size ${batch}, must be greater than max event size (${event})`;
  if (of.Version !== 'audit.k8s.io/v1') yield 'invalid group version, allowed versions are ["audit.k8s.io/v1"]';
  const wait = parseDuration(of.BatchMaxWait);
  if (typeof wait === 'string')
    yield `invalid argument ${JSON.stringify(of.BatchMaxWait)} for "--audit-${name}-batch-max-wait" flag: ${wait}`;
  const { auditWebhookInitialBackoff: backoff = BACKOFF } = flags;
  const first = backend === 'Webhook' ? parseDuration(backoff) : 0n;
  if (typeof first === 'string')
    yield `invalid argument ${JSON.stringify(backoff)} for "--audit-webhook-initial-backoff" flag: ${first}`;
}
function* logProblems({ auditLogFormat: format = 'json' }: AuditFlags): Generator<string> {
  if (!FORMATS.includes(format))
    yield `invalid audit log format ${format}, allowed formats are ${JSON.stringify(FORMATS.join(','))}`;
}
async function policyFrom(file: string, text: string): Promise<Pick<AuditOptions, 'evaluate'>> {
  const [{ parseYaml }, { evaluator, readAuditPolicy }] = await Promise.all([
    import('../../schemas/codec/yaml.ts'),
    import('../../actors/apiserver/audit/policy.ts'),
  ]);
  try {
    return { evaluate: evaluator(readAuditPolicy((await parseYaml(text)).value)) };
  } catch (error) {
    throw new UserError(`loading audit policy file: ${(error as Error).message}: from file ${file}`);
  }
}
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : (error as Error).message; // prettier-ignore
    throw new UserError(`loading audit policy file: failed to read file path ${JSON.stringify(file)}: open ${file}: ${why}`); // prettier-ignore
  }
}

async function sinksOf(flags: AuditFlags, webhook: WebhookKubeconfig | undefined): Promise<AuditSink> {
  const { auditLogPath: path } = flags;
  const [{ sinkOf }, { unionSink }] = await Promise.all([
    import('../../actors/apiserver/audit/batching.ts'),
    import('../../actors/apiserver/audit/sink.ts'),
  ]);
  const sinks: AuditSink[] = [];
  if (path !== undefined) {
    const { auditLog } = await import('./audit-log.ts');
    const backend = auditLog({
      path,
      maxSize: flags.auditLogMaxsize ?? 100,
      maxBackups: flags.auditLogMaxbackup ?? 100,
      maxAge: flags.auditLogMaxage ?? 366,
      compress: flags.auditLogCompress === true,
    });
    const isLegacy = flags.auditLogFormat === 'legacy';
    sinks.push(
      sinkOf(backend, { ...sinkOptions(flags, 'Log'), ...(isLegacy && { textOf: ({ legacy }) => legacy() }) }),
    );
  }
  if (webhook !== undefined) {
    const { auditWebhook } = await import('../../actors/apiserver/audit/webhook.ts');
    const backend = auditWebhook(webhookServerOf(webhook), ms(flags.auditWebhookInitialBackoff ?? BACKOFF));
    sinks.push(sinkOf(backend, sinkOptions(flags, 'Webhook')));
  }
  return unionSink(sinks);
}
const ms = (duration: string): number => Number((parseDuration(duration) as bigint) / 1_000_000n);
function sinkOptions(flags: AuditFlags, backend: Backend) {
  const of = ofBackend(flags, backend);
  const batch: BatchOptions = {
    bufferSize: of.BatchBufferSize,
    maxSize: of.BatchMaxSize,
    maxWaitMs: ms(of.BatchMaxWait),
    throttle: of.BatchThrottleEnable ? { qps: of.BatchThrottleQps, burst: of.BatchThrottleBurst } : undefined,
    parallel: backend === 'Webhook',
  };
  const truncate = of.TruncateEnabled ? { maxEventSize: of.TruncateMaxEventSize } : undefined;
  return { mode: of.Mode as AuditMode, batch, truncate };
}
