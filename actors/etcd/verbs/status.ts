import type { EtcdStatus } from '../../../bus/protocol/etcd.ts';
import type { Store } from '../store.ts';

export function status({ index, options }: Store): EtcdStatus {
  return {
    revision: index.revision,
    compactRevision: index.floor,
    keys: index.keys,
    bytes: index.bytes,
    durable: options.log.durable,
    replicated: options.log.replicated,
  };
}
