import type { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tellFailure } from '../failure.ts';
import { createProgram } from './program.ts';

const tree = (command: Command, path = ''): [string, Command][] =>
  command.commands.flatMap((c) => [[`${path}${c.name()}`, c], ...tree(c, `${path}${c.name()} `)]);
const COMMANDS = tree(createProgram()).filter(([path]) => !['process', 'scheduler-plugin'].includes(path));

let said = { stdout: '', stderr: '' };
beforeEach(() => {
  said = { stdout: '', stderr: '' };
  for (const to of ['stdout', 'stderr'] as const)
    vi.spyOn(process[to], 'write').mockImplementation((text) => {
      said[to] += String(text);
      return true;
    });
});
afterEach(() => vi.restoreAllMocks());
const kubus = async (...args: string[]): Promise<number> => {
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    return tellFailure(error);
  }
};

describe('help', () => {
  it('knows every command', () =>
    expect(COMMANDS.map(([path]) => path)).toEqual(expect.arrayContaining(['up', 'token create', 'kubectl'])));
  it.each(COMMANDS)('%s says what it is for, takes and prints, and has an example', async (path, command) => {
    expect(command.description()).toMatch(/\S/);
    for (const { description } of [...command.options, ...command.registeredArguments])
      expect(description).toMatch(/\S/);
    expect(await kubus('help', ...path.split(' ').slice(0, 1))).toBe(0);
    expect(said.stdout).toMatch(new RegExp(`^Usage: kubus ${path.split(' ')[0]}\\b`));
    // What `help` prints is that of the first word only.
    said.stdout = '';
    command.outputHelp();
    expect(said.stdout).toMatch(new RegExp(`\\nExamples?:\\n( {2}.*\\n)* {2}.*kubus ${path}\\b`));
    expect(said.stderr).toBe('');
  });
});

describe('what is typed wrong ends with 2, a cause and a hint', () => {
  it.each<[string[], RegExp]>([
    [[], /^Usage: kubus /],
    [['token'], /^Usage: kubus token /],
    [['nope'], /^error: unknown command 'nope'\n/],
    [['statsu'], /Did you mean status\?/],
    [['token', 'craete'], /Did you mean create\?/],
    [['machines', 'export', '--format', 'svg'], /Allowed choices are json, mermaid, all/],
    [['up', '--nope'], /^error: unknown option '--nope'\n/],
    [['up', '--node', '3'], /Did you mean .*--nodes/],
    [['up', '--nodes', 'many'], /^kubus: --nodes must be a whole number from 0 to 5000, not "many"\n$/],
    [['up', '--nodes', '-1'], /^kubus: --nodes must be/],
    [['up', '--nodes', ''], /^kubus: --nodes must be/],
    [['up', '--nodes', '0x10'], /^kubus: --nodes must be/],
    [['up', '--nodes', '1e3'], /^kubus: --nodes must be/],
    [['up', '--port', '70000'], /^kubus: --port must be a whole number from 0 to 65535/],
    [['up', '--service-cluster-ip-range', '10.0.0.0/33'], /^kubus: --service-cluster-ip-range: "10.0.0.0\/33" is no range/],
    [['up', '--service-cluster-ip-range', 'fd00::/48'], /^kubus: --service-cluster-ip-range: "fd00::\/48" is no range/],
    [['up', '--cluster-cidr', 'ten'], /^kubus: --cluster-cidr: ten is no range of addresses, such as 10.244.0.0\/16/],
    [['up', '--cluster-cidr', '10.1.0.0/16,10.2.0.0/16'], /^kubus: --cluster-cidr: there may be one range, or one of IPv4 and one of IPv6/],
    [['up', '--node-cidr-mask-size-ipv4', '12'], /^kubus: --node-cidr-mask-size: mask size of cluster CIDR 10.244.0.0\/16 must be less/],
    [['up', '--node-cidr-mask-size-ipv6', '60'], /^kubus: --node-cidr-mask-size: there is no range of IPv6/],
    [['up', '--service-cluster-ip-range', '10.0.0.0/16,10.1.0.0/16'], /^kubus: --service-cluster-ip-range takes one range, /],
    [['up', '--only', 'etcd,nope'], /^kubus: --only knows no component "nope": choose from etcd, apiserver, /],
    [['up', '--load-balancer-range', '10.0.0.0/24'], /^kubus: --load-balancer-range: 10.0.0.0\/24 is not on this machine alone: /],
    [['up', '--addons', 'dns,nope'], /^kubus: --addons knows no add-on "nope": choose from cloud, dns, ingress, local-volumes, metrics, or none\n$/],
    [['up', '--addons', 'none,dns'], /^kubus: --addons none stands alone\n$/],
    [['up', '--proxy-mode', 'ebpf'], /Allowed choices are nftables, iptables, ipvs, userspace/],
    [['up', '--name', 'none-yet', '--proxy-mode', 'nftables'], /^kubus: --proxy-mode is for nodes that run containers: say --runtime cri too\n$/],
    [['up', '--runtime', 'simulated', '--image-credential-provider-config', 'a'], /^kubus: --image-credential-provider-config is for nodes that run containers: say --runtime cri too\n$/],
    [['run', 'nodes', '--node', 'a', '--image-credential-provider-bin-dir', 'b'], /^kubus: --image-credential-provider-config is for a node that joins and runs containers: say --runtime cri too\n$/],
    [['run', 'nodes', '--node', 'a', '--proxy-mode', 'ipvs'], /^kubus: --proxy-mode is for a node that joins and runs containers: say --runtime cri too\n$/],
    [['up', '--runtime', 'docker'], /Allowed choices are simulated, cri, auto/],
    [['run'], /missing required argument 'component'/],
    [['run', 'scheduler', '--node', 'a'], /^kubus: --node is for: kubus run nodes\n$/],
    [['run', 'scheduler', '--advertise-address', '10.0.0.1'], /^kubus: --advertise-address is for: kubus run apiserver\n$/],
    [['run', 'apiserver', '--advertise-address', '127.0.0.1'], /^kubus: --advertise-address takes an address of this machine that pods and nodes reach, not "127.0.0.1"\n$/],
    [['run', 'apiserver', '--advertise-address', 'here'], /^kubus: --advertise-address takes an address .* not "here"\n$/],
    [['run', 'nope'], /^kubus: there is no component "nope": choose from etcd,/],
    [['run', 'nodes', '--node', 'a', '--token', 'x'], /^kubus: a token looks like abcdef\./],
    [['run', 'etcd', '--token', 'abcdef.0123456789abcdef'], /^kubus: a token is for one node: kubus run nodes --node/],
    [['scale'], /missing required argument 'component=n'/],
    [['scale', 'apiserver:3'], /^kubus: "apiserver:3" is not <component>=<number>, such as apiserver=3\n$/],
    [['scale', 'apiserver=-1'], /^kubus: "apiserver=-1" is not <component>=<number>/],
    [['status', '--output', 'xml'], /Allowed choices are json, text/],
    [['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
    [['machines', 'nope'], /^kubus: there is no machine "nope": choose from apiserver, etcd, /],
    [['chaos', '--faults', 'flood'], /^kubus: there is no fault "flood": choose from kill,/],
    [['chaos', '--seed', '9..1'], /^kubus: --seed must be a number, or a range such as 1\.\.20/],
    [['chaos', '--nats', '2'], /^kubus: --nats must be 1 or 3/],
    [['chaos', '--simulated', '--scenario', 'flood'], /^kubus: there is no scenario "flood": choose from rollout,/],
    [['chaos', '--simulated', '--seed', '1..2', '--trace'], /^kubus: --trace tells of one run: name one --scenario/],
    [['chaos', '--scenario', 'rollout'], /^kubus: --scenario is for: kubus chaos --simulated\n$/],
    [['token', 'create', '--ttl', 'soon'], /^kubus: --ttl must be like 30m/],
    [['token', 'delete', 'x'], /^kubus: "x" is no id of a token/],
    [['etcd', 'get'], /missing required argument 'key'/],
    [['etcd', 'get', 'a', '--limit', '0'], /^kubus: --limit must be a whole number from 1 /],
    [['etcd', 'get', 'a', '--prefix', '-o', 'raw'], /^kubus: --output raw is for one key/],
    [['etcd', 'get', ''], /^kubus: an empty key is none/],
    [['etcd', 'put'], /unknown command 'put'/],
    [['node', 'revoke'], /missing required argument 'name'/],
    [['balance'], /required option '--to <hosts>' not specified/],
    [['balance', '--to', 'here'], /^kubus: "here" is not an address: write host:port/],
    [['version', 'extra'], /too many arguments/],
  ])('%j', async (args, message) => {
    expect([await kubus(...args), said.stdout]).toEqual([2, '']);
    expect(said.stderr).toMatch(message);
  }); // prettier-ignore
});
