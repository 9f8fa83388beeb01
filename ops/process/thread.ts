import { parentPort } from 'node:worker_threads';
import { startProcess } from './start.ts';
import type { ProcessSpec } from './spec.ts';

/** Body of a supervised thread: runs its components until it is told to stop; throws when one of them cannot go on. */
export async function runThread(json: string): Promise<void> {
  const port = parentPort;
  if (port === null) throw new Error('this command is for the supervisor alone');
  const running = await startProcess(JSON.parse(json) as ProcessSpec);
  port.once('message', () => void running.stop().finally(() => process.exit(0)));
  void running.failed.then((why) => {
    throw new Error(why);
  });
  await running.ready;
  port.postMessage('ready');
}
