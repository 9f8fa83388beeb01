import { BOOTSTRAP_TOKEN } from '../../schemas/core/bootstrap-token.ts';
import type { Secret } from '../../schemas/generated/core-v1.ts';
import type { Informer, Informers } from './informer.ts';
import { secrets } from './resources.ts';

/** The tokens by which machines join; no other Secret comes into this process's memory. */
export const bootstrapTokens = (informers: Informers): Informer<Secret> =>
  informers.for<Secret>(secrets, { namespace: 'kube-system', fieldSelector: `type=${BOOTSTRAP_TOKEN}` });
