import { DEFAULT_SETTINGS } from '../../../actors/scheduler/settings.ts';
import { realWorld } from '../../../bus/real-world.ts';
import { folderOfCluster } from '../../cluster/config.ts';
import { schedulerProfiles } from '../../cluster/scheduler.ts';
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
  const configured = await schedulerProfiles(folderOfCluster(options).paths.dir);
  const { profiles, asksOthers } = configured ?? { ...DEFAULT_SETTINGS, asksOthers: false };
  const profileFor = (scheduler: string) => profiles.find((p) => p.schedulerName === scheduler)?.profile;
  const world = realWorld({ component: 'explain', level: 'silent' });
  const found = await onStore(options, (bus) =>
    explainPod(historyOf(bus), { namespace, name, at }, { profileFor, world, asksOthers }),
  );
  if (output === 'json') printJson(found);
  else print(explanationText(found));
}
