import { existsSync, readdirSync } from 'node:fs';
import { eventually, type TestCluster } from '../../testing/cluster.ts';
import { nodesOf, type Check } from './checks.ts';
import { IMAGES } from './images.ts';

/** Where drivers of others have it that a kubelet keeps what it has. */
const KUBELET = '/var/lib/kubelet';
const PLACE = `${KUBELET}/plugins/check`;
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
        const mounts = `place=${PLACE}/m; busybox mkdir -p $place; busybox mount -t tmpfs check $place; echo mounted > $place/note; ls ${KUBELET}/plugins_registry || exit 1; ${end}`;
        const pods = [
          podOf('driver', node, mounts, 'Bidirectional', KUBELET),
          podOf('user', node, 'trap "exit 0" TERM; while :; do sleep 1; done', 'HostToContainer', PLACE),
        ];
        await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods }));
        await kubectl(['wait', '--for=condition=Ready', 'pod/driver', 'pod/user', '--timeout=60s']);
        await eventually('what is mounted', async () => {
          const said = await kubectl(['exec', 'user', '--', 'cat', `${PLACE}/m/note`]).catch(() => '');
          return said.trim() === 'mounted' ? true : undefined;
        });
        const after = existsSync(KUBELET) ? readdirSync(KUBELET) : [];
        if (after.join() !== before.join()) throw new Error(`the machine has ${after.join(', ')} in ${KUBELET}`);
        await kubectl(['delete', 'pod', 'driver', 'user']);
      },
    },
  ];
}
