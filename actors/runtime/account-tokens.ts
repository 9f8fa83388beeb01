import type { Secret } from '../../schemas/generated/core-v1.ts';
import type { Informer, Informers } from './informer.ts';
import { secrets } from './resources.ts';

export const ACCOUNT_NAME = 'kubernetes.io/service-account.name';
export const ACCOUNT_UID = 'kubernetes.io/service-account.uid';

/** Secrets that hold a service account's token without an end; no other Secret comes into this process's memory. */
export const accountTokens = (informers: Informers): Informer<Secret> =>
  informers.for<Secret>(secrets, { fieldSelector: 'type=kubernetes.io/service-account-token' });
