import { type Command, Option } from 'commander';
import { UserError } from '../output.ts';

export const VERSION = '0.1.0';

export const clusterName = (): string => process.env['KUBUS_NAME'] || 'kubus';
/** A command that is about one cluster. */
export const named = (command: Command): Command =>
  command.option('-n, --name <name>', 'name of the cluster', clusterName());
/** A command with something to say to scripts. */
export const json = (command: Command): Command =>
  command.addOption(new Option('-o, --output <format>', 'json, for scripts').choices(['json', 'text']).default('text'));
export const list = (value: string): string[] =>
  value
    .split(',')
    .map((v) => v.trim())
    .filter((v) => v !== '');
export const collect = (value: string, before: string[] = []): string[] => [...before, value];
export const integer =
  (what: string, min: number, max: number) =>
  (value: string): number => {
    const n = /^\d{1,9}$/.test(value) ? Number(value) : -1;
    if (n < min || n > max)
      throw new UserError(`${what} must be a whole number from ${min} to ${max}, not "${value}"`, 2);
    return n;
  };
const boolean =
  (what: string) =>
  (value: string): boolean => {
    if (value !== 'true' && value !== 'false') throw new UserError(`${what} must be true or false, not "${value}"`, 2);
    return value === 'true';
  };
/** A command that starts API servers, who are told how to know people. */
export const authenticated = (command: Command): Command =>
  command
    .option(
      '--authentication-config <file>',
      'AuthenticationConfiguration: issuers whose JWTs are good (OpenID Connect), and for whom; its changes are followed',
    ) // prettier-ignore
    .option(
      '--anonymous-auth <boolean>',
      'false: who shows nothing is refused (default true, or what the file says)',
      boolean('--anonymous-auth'),
    ) // prettier-ignore
    .option('--authentication-token-webhook-config-file <file>', 'kubeconfig of a server that reviews bearer tokens')
    .option('--authentication-token-webhook-version <version>', 'v1 or v1beta1 of its TokenReviews (default v1beta1)')
    .option(
      '--authentication-token-webhook-cache-ttl <duration>',
      'how long its answers are remembered (default 2m0s)',
    );
/** A command that starts API servers, who are told whom to ask what users may. */
export const authorized = (command: Command): Command =>
  command
    .option(
      '--authorization-config <file>',
      'AuthorizationConfiguration: who decides, in which order; its changes are followed',
    ) // prettier-ignore
    .option(
      '--authorization-mode <modes>',
      'the same in short: Node,RBAC,Webhook,AlwaysAllow,AlwaysDeny (default Node,RBAC)',
      list,
    ) // prettier-ignore
    .option('--authorization-webhook-config-file <file>', 'with mode Webhook: kubeconfig that says where it is')
    .option('--authorization-webhook-version <version>', 'v1 or v1beta1 of SubjectAccessReviews (default v1beta1)')
    .option('--authorization-webhook-cache-authorized-ttl <duration>', 'how long its yes is good (default 5m)')
    .option('--authorization-webhook-cache-unauthorized-ttl <duration>', 'how long its no is good (default 30s)');
/** A command that starts API servers, whose requests may be noted. */
export const audited = (command: Command): Command =>
  command
    .option('--audit-policy-file <file>', 'audit.k8s.io/v1 Policy: which requests the API servers note, and how much')
    .option('--audit-log-path <file>', 'where they note them, a line of JSON each; - for standard output')
    .option(
      '--audit-log-maxsize <mb>',
      'megabytes of a file before the next (default 100)',
      integer('--audit-log-maxsize', 0, 1e6),
    ) // prettier-ignore
    .option('--audit-log-maxbackup <n>', 'older files to keep (default all)', integer('--audit-log-maxbackup', 0, 1e6))
    .option('--audit-log-maxage <days>', 'days to keep them (default for good)', integer('--audit-log-maxage', 0, 1e5));
