import { startProcess } from './start.ts';
import type { ProcessSpec } from './spec.ts';

/** Body of a supervised child: runs its components until told to stop, or until the supervisor is gone. */
export async function runChild(json: string): Promise<void> {
  const running = await startProcess(JSON.parse(json) as ProcessSpec);
  let stopping = false;
  const stop = async (status: number): Promise<void> => {
    if (stopping) return;
    stopping = true;
    await running.stop();
    process.exit(status);
  };
  process.once('SIGTERM', () => void stop(0));
  process.once('disconnect', () => void stop(0));
  void running.failed.then((why) => {
    console.error(`kubus: ${why}`);
    return stop(1);
  });
  await running.ready;
  process.send?.('ready');
}
