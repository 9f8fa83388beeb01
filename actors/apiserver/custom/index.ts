/**
 * Kinds that CustomResourceDefinitions bring: `startCustomKinds(ground)` serves what has accepted names, accepts names,
 * marks definitions established once this server serves them, and cleans up behind deleted ones. Every API server does
 * so for itself; what they write to the definitions is the same, and who comes second is content.
 * Source: apiextensions-apiserver pkg/apiserver/customresource_handler.go, pkg/controller.
 */
import { acceptNames, established, isConditionTrue, reviewed } from '../../../schemas/apiextensions/naming.ts';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionStatus,
} from '../../../schemas/generated/apiextensions-v1.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Resource } from '../../../schemas/resource.ts';
import { attempt, resourceOf, type Ground } from '../bootstrap/ensure.ts';
import { cleanUp } from './clean-up.ts';

const DEFINITIONS = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };
const RETRY_MS = 1_000;
/** Definitions looked after at once; of one group always one, as they share names. */
const WIDTH = 8;

export interface CustomKindsOptions extends Ground {
  /** Nothing older than this can be watched of a kind. */
  readonly beginWatches: (resource: Resource) => void;
  /** The kind is served no more, or otherwise than before: watches of it end, what was printed of its objects is forgotten. */
  readonly endWatches: (resource: Resource) => void;
  /** Made on first use: most clusters have no custom kinds, and schemas of them cost memory. */
  readonly compile: (crd: CustomResourceDefinition) => readonly Resource[];
}
export interface CustomKinds {
  /** Serves what the cache holds already; before the doors open. */
  serveAll(): void;
  /** From now on also writes to the definitions. */
  begin(): void;
  /** Resolves when nothing is left to do. */
  settled(): Promise<void>;
  stop(): void;
}
/** What a definition comes to at present. */
interface Served {
  readonly group: string;
  /** Tells whether it is still that. */
  readonly state: string;
  readonly resources: readonly Resource[];
}

export function startCustomKinds(options: CustomKindsOptions): CustomKinds {
  const { registry, cache, loopback, world } = options;
  const definitions = resourceOf(options, DEFINITIONS);
  const served = new Map<string, Served>();
  /** Of each group what its definitions are called, and which names they have: not the definitions, which are large. */
  const groups = new Map<string, Map<string, Named>>();
  const waiting = new Set<string>();
  const busy = new Set<string>();
  const timers = new Set<ReturnType<typeof world.clock.setTimeout>>();
  let workers: Promise<void>[] = [];
  let isBegun = false;
  let stopped = false;
  const now = (): string => formatTime(world.clock.now());
  const get = (name: string) => cache.get<CustomResourceDefinition>(definitions, '', name);
  const inGroup = (group: string): Named[] => [...(groups.get(group)?.values() ?? [])];

  const isOurs = (resource: Resource): boolean => {
    const present = registry.lookup(resource);
    return present === undefined || present.definition.custom !== undefined;
  };
  function serve(name: string, crd: CustomResourceDefinition | undefined): void {
    const before = served.get(name);
    const state = crd === undefined ? '' : stateOf(crd);
    if (before?.state === state) return;
    let resources: readonly Resource[] = [];
    try {
      // What is built in stays, whatever a definition says.
      if (crd !== undefined) resources = options.compile(crd).filter(isOurs);
    } catch (error) {
      world.log.error('a definition could not be served', { object: { kind: 'CustomResourceDefinition', name }, err: error }); // prettier-ignore
    }
    note(name, crd && { group: crd.spec.group, state, resources }, before);
    if (crd !== undefined) groups.get(crd.spec.group)!.set(name, namedOf(crd));
    for (const resource of resources) options.beginWatches(resource);
    registry.change(
      (before?.resources ?? []).filter(
        (old) => !resources.some((r) => r.version === old.version && r.resource === old.resource),
      ),
      resources,
    );
    const [old] = before?.resources ?? [];
    if (old !== undefined) options.endWatches(old);
  }
  function note(name: string, is: Served | undefined, before: Served | undefined): void {
    if (is === undefined) {
      served.delete(name);
      const left = groups.get(before?.group ?? '');
      if (left?.delete(name) && left.size === 0) groups.delete(before!.group);
      return;
    }
    served.set(name, is);
    if (!groups.has(is.group)) groups.set(is.group, new Map());
  }

  async function work(name: string, group: string): Promise<void> {
    const crd = get(name);
    if (crd === undefined) return lookAgain(group, name);
    if (crd.metadata.deletionTimestamp)
      return cleanUp({ ...options, definitions, resource: served.get(name)?.resources[0], again: () => again(name) }, crd);
    const names = acceptNames(crd, inGroup(group), now());
    // With its names it is established: before anybody hears of either, this server serves it.
    const status = (names && (established({ ...crd, status: names }, now()) ?? names)) ?? established(crd, now()) ?? reviewed(crd, now());
    if (status === undefined) return;
    await write(crd, status);
    if (names !== undefined && crd.status?.acceptedNames?.plural) lookAgain(group, name);
  } // prettier-ignore
  const write = (crd: CustomResourceDefinition, status: CustomResourceDefinitionStatus): Promise<void> =>
    attempt(options, () => loopback.update(definitions, { ...crd, status }, 'status'));
  /** Names may be free again. */
  function lookAgain(group: string, but: string): void {
    for (const other of groups.get(group)?.keys() ?? []) if (other !== but) waiting.add(other);
  }

  const groupOf = (name: string): string => name.slice(name.indexOf('.') + 1);
  async function run(): Promise<void> {
    for (;;) {
      const name = stopped ? undefined : waiting.values().find((one) => !busy.has(groupOf(one)));
      if (name === undefined) return;
      waiting.delete(name);
      const group = groupOf(name);
      busy.add(group);
      try {
        await work(name, group);
      } catch (error) {
        world.log.warn('a definition could not be looked after', { object: { kind: 'CustomResourceDefinition', name }, err: error }); // prettier-ignore
        again(name);
      }
      busy.delete(group);
    }
  }
  function enqueue(name: string): void {
    waiting.add(name);
    if (!isBegun || stopped || workers.length >= WIDTH) return;
    // After the current turn: changes come many at a time.
    const worker: Promise<void> = Promise.resolve()
      .then(run)
      .then(() => {
        workers = workers.filter((w) => w !== worker);
      });
    workers.push(worker);
  }
  function again(name: string): void {
    const timer = world.clock.setTimeout(() => {
      timers.delete(timer);
      enqueue(name);
    }, RETRY_MS);
    timers.add(timer);
  }
  const changed = (object: DynamicObject | undefined, old: DynamicObject | undefined): void => {
    const name = (object ?? old)?.metadata.name ?? '';
    serve(name, object as CustomResourceDefinition | undefined);
    enqueue(name);
  };
  const forget = cache.onChange(definitions, changed);
  return {
    serveAll() {
      for (const crd of cache.list(definitions)) changed(crd, undefined);
    },
    begin() {
      isBegun = true;
      for (const name of waiting) enqueue(name);
    },
    async settled() {
      while (workers.length > 0) await Promise.all(workers);
    },
    stop() {
      stopped = true;
      forget();
      for (const timer of timers) world.clock.clearTimeout(timer);
    },
  };
}
/** As much of a definition as decides whether another one may have a name. */
type Named = Parameters<typeof acceptNames>[1][number];
/** Texts that were read may be parts of a longer one, which they would hold: these are copies. */
const namedOf = ({ metadata: { name }, spec: { group }, status }: CustomResourceDefinition): Named =>
  JSON.parse(
    JSON.stringify({ metadata: { name }, spec: { group }, status: { acceptedNames: status?.acceptedNames } }),
  ) as Named;
/** What is served depends on nothing else; every change of the spec raises the generation. */
function stateOf({ metadata, status, ...crd }: CustomResourceDefinition): string {
  if (!isConditionTrue({ metadata, status, ...crd }, 'NamesAccepted') && !isConditionTrue({ metadata, status, ...crd }, 'Established')) return 'unserved'; // prettier-ignore
  return JSON.stringify([metadata.uid, metadata.generation, status?.acceptedNames]);
}
