import { connect } from 'node:net';
import { join } from 'node:path';
import { machineNames } from '../../machine/names.ts';
import { eventually, finish, isolatedEnv, upForTest, type TestCluster } from '../../testing/cluster.ts';
import type { Check } from '../real-nodes/checks.ts';
import { CLIENT_IMAGE } from './images.ts';
import { joinMachine, type JoinedMachine } from './joined.ts';
import { CONTROL, leftOn } from './machines.ts';

const must = (condition: boolean, why: string): void => {
  if (!condition) throw new Error(why);
};
const NAME = 'north';
const client = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'client', labels: { app: 'client' } },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: 'c', image: CLIENT_IMAGE, command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1; done'] }],
  },
}; // prettier-ignore

/** What people expect of a cluster of `kubus up` that is told to listen where others reach it, and of a machine that joins there. */
export function upChecks(o: { readonly dir: string; readonly program: string; readonly archive: string }): Check[] {
  const { dir, program, archive } = o;
  const home = join(dir, 'up');
  const begin = (): Promise<TestCluster> =>
    upForTest(['--nodes', '0', '--addons', 'dns', '--listen', CONTROL], { dir: home, name: 'u', program });
  let cluster: TestCluster;
  let north: JoinedMachine;
  const reads = async (): Promise<void> => {
    const files = '/var/run/secrets/kubernetes.io/serviceaccount';
    const byName = `kubectl --server=https://kubernetes.default.svc --certificate-authority=${files}/ca.crt --token=$(cat ${files}/token) auth whoami`; // prettier-ignore
    const who = await cluster.kubectl(['exec', 'client', '--', 'sh', '-c', byName]);
    must(who.includes('system:serviceaccount:default:default'), who);
  };
  return [
    {
      name: 'kubus up --listen: a bus with TLS, API servers and names are at that address, and nothing else is beyond loopback',
      work: async () => {
        cluster = await begin();
        const { stdout } = await finish('ss', ['-Hltn'], process.env);
        const places = stdout.trim().split('\n').map((line) => line.trim().split(/\s+/)[3] ?? ''); // prettier-ignore
        const open = places.filter((place) => !/^(127\.|\[::1\])/.test(place)).toSorted();
        const api = new URL(cluster.server).port;
        must(
          open.join() === [`${CONTROL}:1053`, `${CONTROL}:4222`, `${CONTROL}:${api}`].toSorted().join(),
          open.join(),
        );
        must((await greeting(CONTROL, 4222)).includes('"tls_required":true'), 'the bus speaks in the open');
      },
    },
    {
      name: 'a machine joins it by what kubus token create says, and its pods reach API servers and names',
      work: async () => {
        const { stdout } = await cluster.kubus('token', 'create', '--name', cluster.name, '--output', 'json');
        const { token, nats, ca } = JSON.parse(stdout) as { token: string; nats: string[]; ca: string };
        must(nats.join() === `nats://${CONTROL}:4222` && ca.includes('BEGIN CERTIFICATE'), stdout);
        const control = { token, busCa: join(cluster.data, 'pki/bus-ca.crt'), kubectl: cluster.kubectl };
        north = await joinMachine({ control, name: NAME, place: 13, dir, program });
        const loaded = await cluster.kubus('load', '--name', cluster.name, archive);
        must(loaded.status === 0, loaded.stderr);
        await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(client));
        await cluster.kubectl(['wait', '--for=condition=Ready', 'pod/client', '--timeout=60s']);
        await reads();
      },
    },
    {
      name: 'after kill -9 the next kubus up is where the machine looks for it, whose pods went on',
      work: async () => {
        const before = await cluster.kubectl(['get', 'pod', 'client', '-o', 'jsonpath={.status.containerStatuses[0].containerID}']); // prettier-ignore
        const gone = new Promise((resolve) => cluster.process.once('exit', resolve));
        cluster.process.kill('SIGKILL');
        await gone;
        cluster = await begin();
        await eventually('exec works', async () => (await reads(), true), 60_000);
        const after = await cluster.kubectl(['get', 'pod', 'client', '-o', 'jsonpath={.status.containerStatuses[0].containerID}']); // prettier-ignore
        must(before === after, `${before} became ${after}`);
      },
    },
    {
      name: 'the machine is left as it was, and kubus up --listen none is on loopback alone',
      work: async () => {
        const status = await north.stop();
        must(status === 0, `it ended with ${status}`);
        const left = await leftOn(north.machine, machineNames(north.folder).cgroup);
        must(left.length === 0, left.join('\n'));
        await cluster.stop();
        cluster = await upForTest(['--listen', 'none'], { dir: home, name: 'u', program });
        const { stdout } = await finish('ss', ['-Hltn'], isolatedEnv(home));
        must(!stdout.includes(CONTROL), stdout);
      },
    },
    {
      name: 'nothing of it goes on',
      work: async () => {
        north?.machine.end();
        await cluster?.stop();
      },
    },
  ];
}
/** What a server says first. */
const greeting = (host: string, port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, host);
    socket.once('error', reject);
    socket.once('data', (bytes: Buffer) => {
      socket.destroy();
      resolve(bytes.toString());
    });
  });
