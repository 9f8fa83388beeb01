import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { HttpsClient } from '../testing/https.ts';

/** Longest time without a success, and when it began. */
export interface Gap {
  ms: number;
  at: string;
}
/** Of those who work, each on connections of its own, while something else happens. */
export interface Load {
  /** Names whose creation was acknowledged. */
  readonly acknowledged: ReadonlySet<string>;
  /** Attempts that failed, by what they were told: they were made again. */
  readonly failures: ReadonlyMap<string, number>;
  readonly reads: Gap;
  readonly writes: Gap;
  /** Counts anew from here. */
  mark(): void;
  stop(): Promise<void>;
}
const PAUSE_MS = 40;

/** `writers` create ConfigMaps, each name until it is acknowledged; one reader gets an object. Through whatever is in between. */
export function startLoad(kubeconfig: string, namespace: string, writers: number): Load {
  const acknowledged = new Set<string>();
  const failures = new Map<string, number>();
  const reads = { ms: 0, at: '' };
  const writes = { ms: 0, at: '' };
  let lastRead = Date.now();
  let lastWrite = Date.now();
  let stopping = false;
  const success = (gap: Gap, since: number): number => {
    const now = Date.now();
    if (now - since > gap.ms) Object.assign(gap, { ms: now - since, at: new Date(since).toISOString().slice(11, 23) });
    return now;
  };
  const failed = (what: string): void => void failures.set(what, (failures.get(what) ?? 0) + 1);
  const base = `/api/v1/namespaces/${namespace}/configmaps`;

  const write = async (): Promise<void> => {
    const client = new HttpsClient(kubeconfig);
    while (!stopping) {
      const name = `c-${randomUUID()}`;
      const body = JSON.stringify({ metadata: { name }, data: { name } });
      for (let tries = 0; !acknowledged.has(name) && !(stopping && tries > 0); tries++) {
        try {
          const { status, text } = await client.send('POST', base, body);
          // Whose first attempt was written without an answer is told so at the second.
          if (status === 201 || (status === 409 && tries > 0)) acknowledged.add(name);
          else failed(`POST ${status} ${(JSON.parse(text) as { message?: string }).message?.slice(0, 80)}`);
        } catch (error) {
          failed(`POST ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`);
        }
        if (acknowledged.has(name)) lastWrite = success(writes, lastWrite);
        await sleep(PAUSE_MS);
      }
    }
    client.close();
  };
  const read = async (): Promise<void> => {
    const client = new HttpsClient(kubeconfig);
    while (!stopping) {
      try {
        const { status } = await client.send('GET', '/api/v1/namespaces/kube-system?resourceVersion=0');
        if (status === 200) lastRead = success(reads, lastRead);
        else failed(`GET ${status}`);
      } catch (error) {
        failed(`GET ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`);
      }
      await sleep(PAUSE_MS);
    }
    client.close();
  };
  const all = [...Array.from({ length: writers }, write), read()];
  return {
    acknowledged,
    failures,
    reads,
    writes,
    mark: () => {
      Object.assign(reads, { ms: 0, at: '' });
      Object.assign(writes, { ms: 0, at: '' });
    },
    stop: async () => {
      stopping = true;
      await Promise.all(all);
    },
  };
}
