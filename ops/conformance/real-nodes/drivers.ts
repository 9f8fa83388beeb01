import { existsSync, readdirSync } from 'node:fs';
import { eventually, within, type TestCluster } from '../../testing/cluster.ts';
import { nodesOf, type Check } from './checks.ts';
import { IMAGES } from './images.ts';
import { LOOP_FILE } from './picture.ts';

/** Where drivers of others have it that a kubelet keeps what it has. */
const KUBELET = '/var/lib/kubelet';
const PLACE = `${KUBELET}/plugins/check`;
/** Makes a loop device that nobody detaches. */
const ATTACHES = `busybox truncate -s 1M ${PLACE}/${LOOP_FILE}; busybox losetup -f ${PLACE}/${LOOP_FILE} || exit 1`;
const podOf = (name: string, node: string, script: string, propagation: string, path: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    nodeName: node,
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'main',
        image: IMAGES.tools,
        command: ['sh', '-c', script],
        securityContext: { privileged: true },
        volumeMounts: [{ name: 'kubelet', mountPath: path, mountPropagation: propagation }],
      },
    ],
    volumes: [{ name: 'kubelet', hostPath: { path, type: 'DirectoryOrCreate' } }],
  },
});
/** What pods that serve the kubelet rely on. */
export function driverChecks(cluster: TestCluster): Check[] {
  const { kubectl } = cluster;
  return [
    {
      name: 'what a driver mounts in the kubelet’s folder is there for pods, and not for the machine',
      work: async () => {
        const [node = ''] = await nodesOf(cluster);
        const before = existsSync(KUBELET) ? readdirSync(KUBELET) : [];
        const end = 'trap "busybox umount $place; exit 0" TERM; while :; do sleep 1; done';
        const mounts = `place=${PLACE}/m; busybox mkdir -p $place; busybox mount -t tmpfs check $place; echo mounted > $place/note; ${ATTACHES}; ls ${KUBELET}/plugins_registry || exit 1; ${end}`;
        const pods = [
          podOf('driver', node, mounts, 'Bidirectional', KUBELET),
          podOf('user', node, 'trap "exit 0" TERM; while :; do sleep 1; done', 'HostToContainer', PLACE),
        ];
        await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods }));
        await kubectl(['wait', '--for=condition=Ready', 'pod/driver', 'pod/user', within(60)]);
        await eventually('what is mounted', async () => {
          const said = await kubectl(['exec', 'user', '--', 'cat', `${PLACE}/m/note`]).catch(() => '');
          return said.trim() === 'mounted' ? true : undefined;
        });
        const after = existsSync(KUBELET) ? readdirSync(KUBELET) : [];
        if (after.join() !== before.join()) throw new Error(`the machine has ${after.join(', ')} in ${KUBELET}`);
        await kubectl(['delete', 'pod', 'driver', 'user']);
      },
    },
    {
      name: 'what pods have said is where agents look for it, and nowhere on the machine',
      work: async () => {
        const [node = ''] = await nodesOf(cluster);
        const ends = 'trap "exit 0" TERM; while :; do sleep 1; done';
        const pods = [
          podOf('speaker', node, `echo said; ${ends}`, 'None', KUBELET),
          podOf('agent', node, ends, 'None', '/var/log'),
        ];
        await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods }));
        await kubectl(['wait', '--for=condition=Ready', 'pod/speaker', 'pod/agent', within(60)]);
        const seen = async (pattern: string): Promise<string> =>
          kubectl(['exec', 'agent', '--', 'sh', '-c', `cat ${pattern}`]).catch(() => '');
        for (const pattern of ['containers/speaker_default_main-*.log', 'pods/default_speaker_*/main/0.log'])
          await eventually(`what is in ${pattern}`, async () =>
            (await seen(`/var/log/${pattern}`)).includes(' stdout F said') ? true : undefined,
          );
        const here = ['/var/log/pods', '/var/log/containers'].flatMap((folder) => readdirSync(folder));
        const strange = here.filter((name) => name.includes('speaker'));
        if (strange.length > 0) throw new Error(`the machine has ${strange.join(', ')}`);
        await kubectl(['delete', 'pod', 'speaker']);
        if ((await seen('/var/log/containers/speaker_*')) !== '') throw new Error('the link outlives its container');
        await kubectl(['delete', 'pod', 'agent']);
      },
    },
  ];
}
