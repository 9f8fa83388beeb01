import { prefixEnd } from '../../../bus/protocol/etcd.ts';
import type { Store } from '../store.ts';
import type { Claims } from './context.ts';

const text = new TextDecoder();
const bytes = new TextEncoder();

/** Claims as keys of the store: `expect: 0` decides who was first. */
export function storeClaims(store: Pick<Store, 'put' | 'delete' | 'range'>): Claims {
  const { signal } = new AbortController();
  return {
    async take(key, value, isLeftover) {
      const first = await store.put({ key, value: bytes.encode(value), expect: 0 }, signal);
      const present = first.conflict?.current;
      if (first.conflict === undefined) return true;
      if (present === undefined || !isLeftover(text.decode(present.value))) return false;
      const second = await store.put({ key, value: bytes.encode(value), expect: present.modRevision }, signal);
      return second.conflict === undefined;
    },
    async free(key) {
      await store.delete({ key }, signal);
    },
    async list(prefix) {
      const { kvs } = await store.range({ key: prefix, rangeEnd: prefixEnd(prefix) }, signal);
      return kvs.map((kv) => ({ key: kv.key, value: text.decode(kv.value) }));
    },
  };
}
