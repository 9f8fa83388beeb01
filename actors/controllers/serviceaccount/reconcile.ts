import type { Namespace, ServiceAccount } from '../../../schemas/generated/core-v1.ts';
import type { Decision } from '../../runtime/intent.ts';
import { serviceAccounts } from '../../runtime/resources.ts';

export interface Observed {
  readonly namespace: Namespace;
  readonly account: ServiceAccount | undefined;
}
/** Every namespace that is not going away has the account `default`. Source: pkg/controller/serviceaccount. */
export function reconcile({ namespace, account }: Observed): Decision {
  if (account || namespace.status?.phase === 'Terminating' || namespace.metadata.deletionTimestamp)
    return { intents: [] };
  const object: ServiceAccount = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: namespace.metadata.name },
  };
  // NotFound: the namespace is gone. AlreadyExists: our cache is behind.
  return {
    intents: [{ op: 'create', gvr: serviceAccounts, object, tolerate: ['AlreadyExists', 'NotFound'] }],
  };
}
