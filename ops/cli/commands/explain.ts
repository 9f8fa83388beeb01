import { defaultProfile } from '../../../actors/scheduler/plugins/profile.ts';
import { realWorld } from '../../../bus/real-world.ts';
import { explainPod } from '../../explain/explain-pod.ts';
import { historyOf } from '../../explain/history.ts';
import { explanationText } from '../../explain/text.ts';
import { onStore, type StoreOptions } from '../../store/on-store.ts';
import { print, printJson } from '../output.ts';

interface Options extends StoreOptions {
  readonly namespace: string;
  readonly at?: number;
  readonly output: 'json' | 'text';
}
/** Where a pod may go, and why. */
export async function explainPodCommand(name: string, options: Options): Promise<void> {
  const { namespace, at, output } = options;
  const profileFor = (scheduler: string) => (scheduler === 'default-scheduler' ? defaultProfile : undefined);
  const world = realWorld({ component: 'explain', level: 'silent' });
  const found = await onStore(options, (bus) =>
    explainPod(historyOf(bus), { namespace, name, at }, { profileFor, world }),
  );
  if (output === 'json') printJson(found);
  else print(explanationText(found));
}
