import type { Version } from '../version.ts';
import type { Store } from '../store.ts';
import { MAX_TOGETHER, transact } from '../verbs/transact.ts';
import { EtcdError } from './errors.ts';
import { keyOf, keyValue } from './keys.ts';
import type { Gone } from './grpc-server.ts';
import type { Message } from './messages.ts';
import { choosePath, readTransaction, type Operation, type Path } from './operations.ts';
import { checkRevision, liveIn, rangeAt } from './range.ts';
import { deleteOne, MAX_CONFLICTS, putOne, valueOf, type Writer } from './write.ts';

/** What one step of a path writes. */
interface Effect {
  readonly step: Operation;
  readonly key: string;
  /** undefined: delete. */
  readonly value: Uint8Array | undefined;
  readonly lease: string | undefined;
}

/**
 * A transaction, whole or not at all. One that writes one key, and compares no other, is one append, as kube-apiserver's
 * are; any other is a batch, whose keys get revisions of their own, one after the other with nothing in between.
 */
export async function txn(writer: Writer, request: Message, signal: Gone): Promise<Message> {
  const { store } = writer;
  const transaction = readTransaction(request);
  // At first by what the index has: a failed append tells of it if that was old.
  for (let fresh = false, conflicts = 0; ;) {
    const { index } = store;
    const now = index.revision;
    const compared: Message[] = [];
    const path = choosePath(index, transaction, compared);
    const steps = flat(path);
    const simple = isSimple(steps, compared);
    if (!fresh && (!simple || !path.succeeded)) {
      await store.fresh();
      fresh = true;
      continue;
    }
    for (const { kind, body } of steps) if (kind === 'range') checkRevision(index, body, now);
    const effects = effectsOf(store, steps);
    if (effects.length === 0) {
      if (fresh) return answer(store, path, [], now, now);
      await store.fresh();
      fresh = true;
      continue;
    }
    const done = simple ? await write(writer, effects[0]!, signal) : await writeAll(store, effects, compared, signal);
    if (done !== 'conflict') return answer(store, path, effects, done - effects.length, done);
    if (++conflicts > MAX_CONFLICTS) throw new EtcdError('resourceExhausted', 'too many requests');
    await store.fresh();
    fresh = true;
  }
}
const flat = ({ steps }: Path): Operation[] =>
  steps.flatMap((step) => (step.path === undefined ? [step] : flat(step.path)));

/** One key is written, and no other compared: what one append does by itself. */
function isSimple(steps: readonly Operation[], compared: readonly Message[]): boolean {
  const writes = steps.filter(({ kind }) => kind !== 'range');
  if (writes.length !== 1 || !isOneKey(writes[0]!.body, writes[0]!.kind)) return false;
  const key = Buffer.from(writes[0]!.body['key'] as Uint8Array);
  return compared.every((compare) => isOneKey(compare) && key.equals(compare['key'] as Uint8Array));
}
const isOneKey = (message: Message, kind = 'compare'): boolean =>
  kind === 'put' || (message['range_end'] as Uint8Array).length === 0;

/** In the order of the steps. Thrown: what a put is refused for. */
function effectsOf(store: Store, steps: readonly Operation[]): Effect[] {
  const effects: Effect[] = [];
  const gone = new Set<string>();
  for (const step of steps) {
    const { kind, body } = step;
    if (kind === 'put') {
      const key = keyOf(body['key']);
      effects.push({ step, key, ...valueOf(store, body, store.index.live(key)) });
    } else if (kind === 'delete')
      for (const { key } of liveIn(store.index, body)) {
        if (gone.has(key)) continue;
        gone.add(key);
        effects.push({ step, key, value: undefined, lease: undefined });
      }
  }
  return effects;
}
async function write(writer: Writer, effect: Effect, signal: Gone): Promise<number | 'conflict'> {
  const current = writer.store.index.live(effect.key);
  const done =
    effect.value === undefined
      ? await deleteOne(writer, effect.key, { current }, signal)
      : await putOne(writer, effect.step.body, { current }, signal);
  return done === 'conflict' ? done : done.revision;
}
async function writeAll(
  store: Store,
  effects: readonly Effect[],
  compared: readonly Message[],
  signal: Gone,
): Promise<number | 'conflict'> {
  const written = new Set(effects.map(({ key }) => key));
  const single = compared.filter((compare) => isOneKey(compare)).map((compare) => keyOf(compare['key']));
  const guards = [...new Set(single)].filter((key) => !written.has(key));
  if (effects.length + guards.length > MAX_TOGETHER)
    throw new EtcdError('invalidArgument', `too many operations in txn request: it changes ${effects.length} keys, and no more than ${MAX_TOGETHER} change together in this store`); // prettier-ignore
  const nothingElse = compared.some((compare) => !isOneKey(compare));
  return await transact(store, { writes: effects, guards, nothingElse, index: store.index }, signal);
}

/** Each read sees what the steps before it did, and not what those after it did. `from`: the revision before the first write. */
function answer(store: Store, path: Path, effects: readonly Effect[], from: number, revision: number): Message {
  const { index } = store;
  let done = 0;
  const before = (step: Operation): Version[] => {
    const olders: Version[] = [];
    for (; done < effects.length && effects[done]!.step === step; done++) {
      const older = index.at(effects[done]!.key, from + done + 1)?.older;
      if (older?.value !== undefined) olders.push(older);
    }
    return olders;
  };
  const respond = (step: Path['steps'][number]): Message => {
    if (step.path !== undefined) return { response_txn: walk(step.path) };
    const { kind, body } = step;
    const header = { revision };
    if (kind === 'range') return { response_range: { ...rangeAt(store, body, from + done), header } };
    const first = done;
    const olders = before(step);
    const shown = body['prev_kv'] === true ? olders.map((version) => keyValue(version)) : [];
    if (kind === 'put') return { response_put: { header, prev_kv: shown[0] } };
    return { response_delete_range: { header, deleted: done - first, prev_kvs: shown } };
  };
  const walk = ({ succeeded, steps }: Path): Message => ({
    succeeded,
    responses: steps.map((step) => respond(step)),
    header: { revision },
  });
  return walk(path);
}
