import type { Fence } from '../../bus/protocol/api.ts';
import type { World } from '../../bus/world.ts';
import type { ApiClient } from './api-client.ts';
import type { EventRecorder } from './events.ts';
import type { Informers } from './informer.ts';
import type { Inspection } from './inspection.ts';
import type { Registry } from './metrics/registry.ts';

/** What the composition root hands to each controller. */
export interface ControllerDeps {
  readonly world: World;
  /** Of the controller manager's process. */
  readonly id: string;
  /** Shared by all controllers of the process. */
  readonly informers: Informers;
  /** The API as `controller:<name>` sees it. */
  readonly client: (caller: string) => ApiClient;
  /** Events from `component`, written as `controller:<name>`. */
  readonly recorderFor: (client: ApiClient, component: string) => EventRecorder;
  readonly inspection?: Inspection | undefined;
  /** Of the process: what its controllers count. */
  readonly metrics?: Registry | undefined;
  readonly fence?: (() => Fence | undefined) | undefined;
  /** false: stand by until activated. */
  readonly active?: boolean;
}
