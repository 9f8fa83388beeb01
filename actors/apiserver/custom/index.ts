/**
 * Kinds that CustomResourceDefinitions bring: `startCustomKinds(ground)` serves what has accepted names, accepts names,
 * marks definitions established once this server serves them, and cleans up behind deleted ones. Every API server does
 * so for itself; what they write to the definitions is the same, and who comes second is content.
 * Source: apiextensions-apiserver pkg/apiserver/customresource_handler.go, pkg/controller.
 */
import { acceptNames, established, isConditionTrue } from '../../../schemas/apiextensions/naming.ts';
import { CLEANUP } from '../../../schemas/apiextensions/custom-resource-definition.ts';
import type { CustomResourceDefinition } from '../../../schemas/generated/apiextensions-v1.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Resource } from '../../../schemas/resource.ts';
import { attempt, resourceOf, type Ground } from '../bootstrap/ensure.ts';

const DEFINITIONS = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };
const RETRY_MS = 1_000;

export interface CustomKindsOptions extends Ground {
  /** Nothing older than this can be watched of a kind. */
  readonly beginWatches: (resource: Resource) => void;
  /** Watches of a kind that is no longer served end. */
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

export function startCustomKinds(options: CustomKindsOptions): CustomKinds {
  const { registry, cache, loopback, world } = options;
  const definitions = resourceOf(options, DEFINITIONS);
  /** What is served, by the definition's name; the text tells whether it is still that. */
  const served = new Map<string, { readonly text: string; readonly resources: readonly Resource[] }>();
  const waiting = new Set<string>();
  const timers = new Set<ReturnType<typeof world.clock.setTimeout>>();
  let running: Promise<void> | undefined;
  let isBegun = false;
  let stopped = false;
  const now = (): string => formatTime(world.clock.now());
  const all = (): CustomResourceDefinition[] => [...cache.list<CustomResourceDefinition>(definitions)];

  function serve(name: string, crd: CustomResourceDefinition | undefined): void {
    const before = served.get(name);
    const text = crd === undefined ? '' : JSON.stringify([crd.spec, crd.status?.acceptedNames, isServed(crd)]);
    if (before?.text === text) return;
    let resources: readonly Resource[] = [];
    try {
      if (crd !== undefined) resources = options.compile(crd);
    } catch (error) {
      world.log.error('a definition could not be served', { object: { kind: 'CustomResourceDefinition', name }, err: error }); // prettier-ignore
    }
    if (crd === undefined) served.delete(name);
    else served.set(name, { text, resources });
    for (const old of before?.resources ?? []) {
      if (resources.some((r) => r.version === old.version && r.resource === old.resource)) continue;
      registry.remove(old);
      options.endWatches(old);
    }
    for (const resource of resources) {
      options.beginWatches(resource);
      registry.add(resource);
    }
  }

  async function work(name: string): Promise<void> {
    const crd = cache.get<CustomResourceDefinition>(definitions, '', name);
    if (crd === undefined) {
      // Its names are free again.
      for (const other of all()) waiting.add(other.metadata.name ?? '');
      return;
    }
    if (crd.metadata.deletionTimestamp) return cleanUp(crd);
    const status = acceptNames(crd, all(), now()) ?? established(crd, now());
    if (status === undefined) return;
    await attempt(options, () => loopback.update(definitions, { ...crd, status }, 'status'));
  }
  /** Objects go first, then the definition. Source: apiextensions-apiserver pkg/controller/finalizer. */
  async function cleanUp(crd: CustomResourceDefinition): Promise<void> {
    const finalizers = crd.metadata.finalizers ?? [];
    if (!finalizers.includes(CLEANUP)) return;
    const name = crd.metadata.name ?? '';
    const resource = served.get(name)?.resources[0];
    const left = resource === undefined ? [] : [...cache.list(resource)];
    for (const { metadata } of left)
      if (!metadata.deletionTimestamp)
        await attempt(options, () => loopback.delete(resource!, metadata.namespace ?? '', metadata.name ?? ''));
    if (resource !== undefined && [...cache.list(resource)].length > 0) return again(name);
    const metadata = { ...crd.metadata, finalizers: finalizers.filter((f) => f !== CLEANUP) };
    await attempt(options, () => loopback.update(definitions, { ...crd, metadata }));
  }

  async function run(): Promise<void> {
    while (waiting.size > 0 && !stopped) {
      const [name] = waiting;
      waiting.delete(name!);
      try {
        await work(name!);
      } catch (error) {
        world.log.warn('a definition could not be looked after', { object: { kind: 'CustomResourceDefinition', name: name! }, err: error }); // prettier-ignore
        again(name!);
      }
    }
    running = undefined;
  }
  function enqueue(name: string): void {
    waiting.add(name);
    // After the current turn: changes come many at a time.
    if (isBegun && !stopped) running ??= Promise.resolve().then(run);
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
      for (const crd of all()) changed(crd as unknown as DynamicObject, undefined);
    },
    begin() {
      isBegun = true;
      for (const name of waiting) enqueue(name);
    },
    async settled() {
      while (running !== undefined) await running;
    },
    stop() {
      stopped = true;
      forget();
      for (const timer of timers) world.clock.clearTimeout(timer);
    },
  };
}
const isServed = (crd: CustomResourceDefinition): boolean =>
  isConditionTrue(crd, 'NamesAccepted') || isConditionTrue(crd, 'Established');
