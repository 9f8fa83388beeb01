import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodePaths } from '../../host/paths.ts';
import type { Mount, PodParts } from './parts.ts';

/** The least that pods are made of: folders for emptyDir, variables as written, no limits. Stands in until the real parts are wired. */
export function plainParts(paths: NodePaths): PodParts {
  return {
    volumes: {
      async mountsOf(pod, container) {
        const mounts: Mount[] = [];
        for (const { name, mountPath, readOnly } of container.volumeMounts ?? []) {
          const volume = pod.spec?.volumes?.find((one) => one.name === name);
          if (volume?.emptyDir === undefined) continue;
          const hostPath = join(paths.pods, pod.metadata.uid ?? '', 'volumes', 'kubernetes.io~empty-dir', name);
          await mkdir(hostPath, { recursive: true, mode: 0o777 });
          mounts.push({ hostPath, containerPath: mountPath, readOnly: readOnly === true, propagation: 'private' });
        }
        return mounts;
      },
    },
    environment: {
      variablesOf: async (_pod, container) => (container.env ?? []).map(({ name, value = '' }) => ({ name, value })),
      hostnameOf: (pod) => (pod.spec?.hostname ?? pod.metadata.name ?? '').slice(0, 63),
      dnsOf: () => ({ servers: [], searches: [], options: [] }),
      filesOf: async () => [],
    },
    cgroups: {
      create: async () => '',
      resourcesOf: () => ({}),
      update: async (_pod, containers) => containers?.(),
      remove: async () => undefined,
    },
  };
}
