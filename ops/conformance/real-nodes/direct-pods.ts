import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { containerConfig } from '../../../node-agent/runtime/cri/container-config.ts';
import { podLogFolder, sandboxConfig } from '../../../node-agent/runtime/cri/sandbox-config.ts';
import { securityContextOf } from '../../../node-agent/runtime/cri/security.ts';
import type { CriService } from '../../../node-agent/runtime/cri/service.ts';

const never = new AbortController().signal;

/** What a kubelet asks of its runtime for pods, without the kubelet: what the runtime alone can do. */
export interface DirectPods {
  /** All at once; resolves when the last one runs. */
  start(pods: readonly Pod[]): Promise<void>;
  /** Removes all that it started. */
  clear(): Promise<void>;
}
export function directPods(o: {
  readonly cri: CriService;
  /** Below which pods get one each. */
  readonly cgroup: string;
  /** Folder of logs, as the node sees it and as we do. */
  readonly logs: { readonly inside: string; readonly here: string };
}): DirectPods {
  const { cri } = o;
  const sandboxes: string[] = [];
  const start = async (pod: Pod): Promise<void> => {
    const about = { attempt: 0, hostname: pod.metadata.name!, dns: { servers: [], searches: [], options: [] }, cgroupParent: `${o.cgroup}/pod${pod.metadata.uid}`, logs: o.logs.inside }; // prettier-ignore
    const config = sandboxConfig(pod, about);
    const [container] = pod.spec!.containers;
    await mkdir(join(podLogFolder(o.logs.here, pod.metadata), container!.name), { recursive: true });
    const sandbox = await cri.runPodSandbox(config, '', never);
    sandboxes.push(sandbox);
    await cri.sandboxStatus(sandbox);
    const security = securityContextOf(pod, container!, { uid: 0, username: '' }, { seccomp: '', maskedPaths: [] });
    const made = containerConfig(pod, container!, { attempt: 0, imageRef: container!.image!, variables: [], mounts: [], resources: { cpuShares: 2 }, security }); // prettier-ignore
    const id = await cri.createContainer(sandbox, made, config, never);
    await cri.startContainer(id);
    await cri.containerStatus(id);
  };
  return {
    async start(pods) {
      // All of them have ended in some way before anything is cleared.
      const starts = await Promise.allSettled(pods.map(start));
      for (const one of starts) if (one.status === 'rejected') throw one.reason;
    },
    async clear() {
      const remove = async (id: string): Promise<void> => {
        await cri.stopPodSandbox(id);
        await cri.removePodSandbox(id);
      };
      await Promise.all(sandboxes.splice(0).map(remove));
    },
  };
}
