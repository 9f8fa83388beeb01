import type { KeyValue } from '../../../bus/protocol/etcd.ts';
import { printYaml } from '../../../schemas/codec/yaml-print.ts';
import { etcdAddress } from '../../cluster/config.ts';
import { onStore, type StoreOptions } from '../../store/on-store.ts';
import { readStore, storeStatus } from '../../store/read-store.ts';
import { readStored, type StoredValue } from '../../store/stored-value.ts';
import { print, printJson, table, UserError } from '../output.ts';

interface ReadOptions extends StoreOptions {
  readonly limit?: number;
  readonly revision?: number;
}

/** What a key holds, or with `prefix` those that begin with it. */
export async function get(
  key: string,
  options: ReadOptions & { readonly prefix?: true; readonly output: 'yaml' | 'json' | 'raw' },
): Promise<void> {
  const { prefix = false, output, limit, revision } = options;
  if (key === '' && !prefix)
    throw new UserError('an empty key is none: all of them are: kubus etcd get "" --prefix', 2);
  if (output === 'raw' && prefix) throw new UserError('--output raw is for one key: leave out --prefix', 2);
  const found = await onStore(options, (bus) => readStore(bus, { key, prefix, limit, revision }));
  if (found.items.length === 0 && !prefix) {
    const parent = key.slice(0, key.lastIndexOf('/', key.length - 2) + 1);
    throw new UserError(`there is no key "${key}": see which there are with: kubus etcd list ${parent}`);
  }
  if (output === 'raw') return void process.stdout.write(found.items[0]!.value);
  if (output === 'json') {
    const items = found.items.map((kv) => ({ ...withoutValue(kv), ...readStored(kv) }));
    return printJson({ revision: found.revision, count: found.count, items });
  }
  print(found.items.map(toYaml).join('---\n').trimEnd());
}
/** The keys that begin with a prefix, a line each. */
export async function list(prefix: string, options: ReadOptions & { readonly output: 'json' | 'text' }): Promise<void> {
  const { limit, revision, output } = options;
  const query = { key: prefix, prefix: true, keysOnly: true, limit, revision };
  const { items, ...found } = await onStore(options, (bus) => readStore(bus, query));
  if (output === 'json') return printJson({ ...found, items: items.map(withoutValue) });
  if (items.length > 0) print(items.map(({ key }) => shown(key)).join('\n'));
}
/** Where the store is. */
export async function status(options: StoreOptions & { readonly output: 'json' | 'text' }): Promise<void> {
  const { config, ...state } = await onStore(options, async (bus, config) => ({ config, ...(await storeStatus(bus)) }));
  const door = config.etcdPort === undefined ? undefined : etcdAddress(config.etcdPort);
  if (options.output === 'json') return printJson({ ...state, door });
  const { revision, compactRevision, keys, bytes, durable, replicated } = state;
  print(
    table(
      ['REVISION', 'READABLE FROM', 'KEYS', 'BYTES', 'DURABLE', 'REPLICATED', 'ETCD DOOR'],
      [[...[revision, compactRevision, keys, bytes].map(String), yes(durable), yes(replicated), door ?? 'closed']],
    ),
  );
}
const yes = (is: boolean): string => (is ? 'yes' : 'no');

const withoutValue = ({ key, createRevision, modRevision, version }: KeyValue) => ({
  key,
  createRevision,
  modRevision,
  version,
});
/** As it is; quoted where it holds what would not stay on its line, or would steer a terminal. */
function shown(key: string): string {
  const quoted = JSON.stringify(key);
  return quoted.includes('\\') ? quoted : key;
}
function toYaml(kv: KeyValue): string {
  const { key, createRevision, modRevision, version } = kv;
  const stored = readStored(kv);
  const head = `# ${shown(key)}\n# created at ${createRevision}, changed at ${modRevision}, version ${version}\n`;
  return head + body(stored);
}
function body(stored: StoredValue): string {
  if ('object' in stored) return printYaml(stored.object);
  if ('text' in stored) return printYaml(stored.text);
  if ('encrypted' in stored) {
    const { provider, key } = stored.encrypted;
    return `# encrypted by provider ${provider} with key ${JSON.stringify(key)}: ask an API server, which has the key\n`;
  }
  const problem = stored.problem === undefined ? '' : `# not readable: ${stored.problem}\n`;
  return `${problem}${printYaml({ base64: stored.base64 })}`;
}
