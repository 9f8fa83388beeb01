import type { ControllerDeps } from '../runtime/controller-deps.ts';
import type { CloudProvider } from './provider.ts';

/** What each cloud controller is started with. */
export interface CloudDeps extends ControllerDeps {
  readonly cloud: CloudProvider;
}
