import { type Command, Option } from 'commander';
import { PROXY_MODES } from '../../../node-agent/kube-proxy/backend.ts';
import { ADDON_NAMES } from '../../process/addons.ts';
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
/** Completed one by one, told as a list. */
export function addons(): Option {
  const text = 'what comes with it, a list with commas (default metrics; a resumed cluster keeps its own)';
  const option = new Option('--addons <names>', text).argParser(list);
  option.argChoices = [...ADDON_NAMES, 'none'];
  return option;
}
/** A command that starts nodes that run containers. */
export const proxying = (command: Command): Command =>
  command
    .option(
      '--image-credential-provider-config <path>',
      'with --runtime cri: a CredentialProviderConfig, or a folder of them: which programs know credentials for images',
    )
    .option('--image-credential-provider-bin-dir <folder>', 'folder of these programs')
    .addOption(
      new Option(
        '--proxy-mode <mode>',
        'with --runtime cri: what brings Services to nodes (default: nftables, or the best that the machine can do)',
      ).choices(PROXY_MODES),
    );
/** A command that may start the name server of a cluster. */
export const answeringNames = (command: Command): Command =>
  command
    .option(
      '--dns-port <port>',
      'UDP and TCP port of the name server; 0: a free one (default 1053, or a free one)',
      integer('--dns-port', 0, 65_535),
    )
    .option('--dns-host <address>', 'address it listens on (default 127.0.0.1)')
    .option('--cluster-domain <domain>', 'what names of services and pods end with (default cluster.local)')
    .option(
      '--dns-upstream <addresses>',
      "whom it asks about other names, address or address:port, or none (default: this machine's name servers)",
      list,
    )
    .option('--dns-pods <mode>', 'names of pods: insecure, verified, disabled (default insecure, as in kubeadm)')
    .option(
      '--dns-reached-at <address>',
      "address by which pods of real nodes reach it, or auto (default: this machine's, where it has such nodes)",
    );
/** A command that may start the ingress controller of a cluster. */
export const servingIngresses = (command: Command): Command =>
  command
    .option(
      '--ingress-http-port <port>',
      'where the ingress controller serves HTTP; 0: a free one (default 8080, or a free one)',
      integer('--ingress-http-port', 0, 65_535),
    )
    .option(
      '--ingress-https-port <port>',
      'where it serves HTTPS; 0: a free one (default 8443, or a free one)',
      integer('--ingress-https-port', 0, 65_535),
    )
    .option('--ingress-host <address>', 'address it listens on (default 127.0.0.1)');
/** A command that starts a scheduler. */
export const scheduling = (command: Command): Command =>
  command.option(
    '--scheduler-plugin <file>',
    'a scheduler plugin of your own: a TypeScript file with a default export (repeatable; see docs/scheduler-plugins.md)',
    collect,
  );
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
/** `--flag`, `--flag=false`. */
const bool =
  (what: string) =>
  (value: string): boolean => {
    if (!['true', 'false'].includes(value)) throw new UserError(`${what} is true or false, not "${value}"`, 2);
    return value === 'true';
  };
const number =
  (what: string) =>
  (value: string): number => {
    if (value.trim() === '' || !Number.isFinite(Number(value))) throw new UserError(`${what} must be a number, not "${value}"`, 2);
    return Number(value);
  }; // prettier-ignore
/** A command that starts API servers, which deal with so much at once. */
export const inFlight = (command: Command): Command =>
  command
    .option(
      '--max-requests-inflight <n>',
      'requests that API servers deal with at once, together with the next; priority levels share them (default 400)',
      integer('--max-requests-inflight', 0, 1e6),
    )
    .option(
      '--max-mutating-requests-inflight <n>',
      'what is added to them (default 200)',
      integer('--max-mutating-requests-inflight', 0, 1e6),
    );
/** A command that starts API servers, whose requests may be noted. */
export function audited(command: Command): Command {
  command
    .option('--audit-policy-file <file>', 'audit.k8s.io/v1 Policy: which requests the API servers note, and how much')
    .option('--audit-log-path <file>', 'where they note them, a line of JSON each; - for standard output')
    .option(
      '--audit-log-maxsize <mb>',
      'megabytes of a file before the next (default 100; 0: one file)',
      integer('--audit-log-maxsize', 0, 1e6),
    ) // prettier-ignore
    .option(
      '--audit-log-maxbackup <n>',
      'older files to keep (default 100; 0: all)',
      integer('--audit-log-maxbackup', 0, 1e6),
    ) // prettier-ignore
    .option(
      '--audit-log-maxage <days>',
      'days to keep them (default 366; 0: for good)',
      integer('--audit-log-maxage', 0, 1e5),
    ) // prettier-ignore
    .option('--audit-log-format <format>', 'json or legacy (default json)')
    .option('--audit-log-compress [bool]', 'zip older files', bool('--audit-log-compress'))
    .option('--audit-webhook-config-file <file>', 'kubeconfig of a webhook that is sent them in lists')
    .option('--audit-webhook-initial-backoff <duration>', 'pause before what failed is sent again (default 10s)');
  for (const [name, mode] of [
    ['log', 'blocking'],
    ['webhook', 'batch'],
  ] as const) {
    const flag = `--audit-${name}`;
    const whole = (what: string) => [`${flag}-${what} <n>`, integer(`${flag}-${what}`, 0, 1e9)] as const;
    const hidden = (of: string, parse?: (value: string) => unknown): void => {
      const option = new Option(of, 'as of kube-apiserver').hideHelp();
      command.addOption(parse === undefined ? option : option.argParser(parse));
    };
    command.option(`${flag}-mode <mode>`, `batch, blocking, or blocking-strict, which refuses what cannot be noted (default ${mode})`); // prettier-ignore
    for (const what of ['batch-buffer-size', 'batch-max-size', 'batch-throttle-burst', 'truncate-max-batch-size', 'truncate-max-event-size'])
      hidden(...whole(what)); // prettier-ignore
    hidden(`${flag}-version <version>`);
    hidden(`${flag}-batch-max-wait <duration>`);
    hidden(`${flag}-batch-throttle-qps <n>`, number(`${flag}-batch-throttle-qps`));
    for (const what of ['batch-throttle-enable', 'truncate-enabled'])
      hidden(`${flag}-${what} [bool]`, bool(`${flag}-${what}`));
  }
  return command.addHelpText(
    'after',
    '\nThe flags --audit-log-* and --audit-webhook-* of kube-apiserver for batches (-batch-buffer-size, -batch-max-size, -batch-max-wait,\n-batch-throttle-enable, -qps, -burst) and for large events (-truncate-enabled, -max-event-size, -max-batch-size) are taken too.',
  );
}
