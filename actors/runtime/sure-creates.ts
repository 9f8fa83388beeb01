import type { World } from '../../bus/world.ts';
import type { GroupVersionResource, KubeObject } from '../../schemas/meta/object.ts';
import { generatedName, NAME_END_LENGTH } from '../../schemas/meta/names.ts';
import { statusOf } from '../../schemas/meta/status.ts';
import type { ApiClient, WriteOptions } from './api-client.ts';
import { isAlreadyExists } from './errors.ts';
import type { Informer } from './informer.ts';
import type { Intent } from './intent.ts';
import { controllerOf } from './owners.ts';

export type Creation = Extract<Intent, { op: 'create' }>;
/**
 * Creates that are done once though their answer is lost. A create that was asked for may be done long after its caller has
 * given up, and no cache tells how long: so what is asked for next for the same place is asked for under the same name, and
 * the API refuses the second. (client-go controllers forget such a create, and make one more.)
 */
export interface SureCreates {
  /** A sync of the key begins: it will see what the caches show now, so that there is no doubt about these any more. */
  begin(key: string): void;
  /** What was made now or, as it turns out, before. Of objects with generateName that have a controller. Thrown: ApiError. */
  create(key: string, creation: Creation, options: WriteOptions): Promise<KubeObject>;
}
/** Asked for, and perhaps made. */
interface Doubt {
  readonly gvr: GroupVersionResource;
  readonly place: string;
  readonly end: string;
  /** `namespace/name` of what was perhaps made. */
  readonly object: string;
  readonly untilMs: number;
}
/** Nothing is under way for so long. Source: the idea of controller_utils.go ExpectationsTimeout. */
const DOUBT_MS = 300_000;
/** Names tried before giving up. Source: genericregistry maxNameGenerationCreateAttempts. */
const ATTEMPTS = 8;

/** Refusals are answers; all else says nothing of what was done. */
const isUnknown = (error: unknown): boolean => {
  const code = statusOf(error)?.code ?? 0;
  return code < 400 || code >= 500;
};
const placeOf = ({ gvr, place = '', object: { metadata } }: Creation): string =>
  [gvr.group, gvr.resource, metadata.namespace, metadata.generateName, place].join('|');

export function createSureCreates(o: {
  readonly client: ApiClient;
  readonly world: World;
  /** What the syncs see. */
  readonly informers: readonly Informer<KubeObject>[];
}): SureCreates {
  const { client, world } = o;
  const doubts = new Map<string, readonly Doubt[]>();

  const keep = (key: string, which: (doubt: Doubt) => boolean): void => {
    const kept = (doubts.get(key) ?? []).filter(which);
    if (kept.length > 0) doubts.set(key, kept);
    else doubts.delete(key);
  };
  const isSeen = ({ gvr, object }: Doubt): boolean =>
    o.informers.some(
      (informer) =>
        informer.gvr.resource === gvr.resource &&
        informer.gvr.group === gvr.group &&
        informer.get(object) !== undefined,
    );
  const take = (key: string, place: string): Doubt | undefined => {
    const doubt = doubts.get(key)?.find((one) => one.place === place);
    if (doubt) keep(key, (one) => one !== doubt);
    return doubt;
  };
  const note = (key: string, doubt: Omit<Doubt, 'untilMs'>): void => {
    const now = world.clock.now();
    for (const other of doubts.keys()) keep(other, ({ untilMs }) => now < untilMs);
    doubts.set(key, [...(doubts.get(key) ?? []), { ...doubt, untilMs: now + DOUBT_MS }]);
  };
  /** What has the name, if it is the same owner's. */
  async function made({ gvr, object }: Creation, name: string, options: WriteOptions): Promise<KubeObject | undefined> {
    const owner = controllerOf(object)?.uid;
    const { signal, timeoutMs } = options;
    const { namespace } = object.metadata;
    const { items } = await client.list(gvr, { namespace, fieldSelector: `metadata.name=${name}`, signal, timeoutMs });
    return items.find((item) => controllerOf(item)?.uid === owner);
  }

  return {
    begin(key) {
      if (doubts.has(key)) keep(key, (doubt) => !isSeen(doubt));
    },
    async create(key, creation, options) {
      const { gvr, object } = creation;
      const { namespace, generateName = '' } = object.metadata;
      const place = placeOf(creation);
      for (let attempt = 1; ; attempt++) {
        const doubt = take(key, place);
        const end = doubt?.end ?? world.ids.suffix(NAME_END_LENGTH);
        const name = generatedName(generateName, end);
        let isMade = false;
        try {
          return await client.create(gvr, object, { ...options, nameEnd: end });
        } catch (error) {
          isMade = isAlreadyExists(error);
          if (doubt ? !isMade : isUnknown(error)) note(key, { gvr, place, end, object: `${namespace}/${name}` });
          if (!isMade || attempt >= ATTEMPTS) throw error;
        }
        if (doubt === undefined) continue;
        try {
          const found = await made(creation, name, options);
          if (found) return found;
        } catch (error) {
          note(key, doubt);
          throw error;
        }
      }
    },
  };
}
