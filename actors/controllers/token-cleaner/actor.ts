import type { Secret } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { bootstrapTokens } from '../../runtime/bootstrap-tokens.ts';
import { reconciling, startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { reconcile } from './reconcile.ts';

/** Takes away expired tokens by which machines join. */
export function startTokenCleaner(deps: ControllerDeps): Controller {
  const client = deps.client('controller:token-cleaner');
  const tokens = bootstrapTokens(deps.informers);
  return startController({
    name: 'token-cleaner',
    ...deps,
    client,
    sources: [source<Secret>(tokens, (token) => [keyOf(token)])],
    sync: reconciling((key) => tokens.get(key), reconcile),
  });
}
