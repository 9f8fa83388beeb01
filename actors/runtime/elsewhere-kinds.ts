import { delay } from '../../bus/world.ts';
import type { APIService } from '../../schemas/generated/apiregistration-v1.ts';
import type { GroupVersionResource, KubeObject } from '../../schemas/meta/object.ts';
import type { Informers } from './informer.ts';
import type { Kind } from './kinds.ts';

const apiServices: GroupVersionResource = { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' };
/** Those that API servers make themselves, for what they serve, are labelled; of the rest there are mostly none. */
const MADE_BY_HAND = '!kube-aggregator.kubernetes.io/automanaged';
/** How often a server is asked what it serves. Source: cmd/kube-controller-manager startGarbageCollectorController. */
const REFRESH_MS = 30_000;
const TIMEOUT_MS = 5_000;

/** Kinds of groups that other API servers of the cluster serve. */
export interface ElsewhereKinds {
  /** Resolves when each server was asked once, whether it answered or not. */
  readonly synced: Promise<void>;
  all(): Iterable<Kind>;
  /** `group/version` of those that could not be asked; what they served before counts until then. */
  failing(): readonly string[];
  /** Resolves when each server was asked again. */
  refresh(): Promise<void>;
}
interface Listener {
  readonly add: (kind: Kind) => void;
  readonly remove: (kind: Kind) => void;
}
interface Followed {
  readonly api: APIService;
  readonly end: AbortController;
  /** What it served when it was last asked. */
  kinds: readonly Kind[];
  failing: boolean;
  asked: Promise<void>;
}

export function elsewhereKinds({ for: informerOf, client, world, signal }: Informers, listener: Listener): ElsewhereKinds {
  const apis = informerOf<APIService>(apiServices, { labelSelector: MADE_BY_HAND });
  const followed = new Map<string, Followed>();
  let chosen = new Map<string, Kind>();

  /** Of each resource one version is looked at: that which is preferred. */
  function choose(): void {
    const before = chosen;
    chosen = new Map();
    const all = [...followed.values()].sort((a, b) => (b.api.spec?.versionPriority ?? 0) - (a.api.spec?.versionPriority ?? 0));
    for (const kind of all.flatMap(({ kinds }) => kinds)) {
      const id = `${kind.gvr.group}/${kind.gvr.resource}`;
      if (chosen.has(id)) continue;
      const known = before.get(id);
      chosen.set(id, known !== undefined && isSame(known, kind) ? known : kind);
    }
    for (const [id, kind] of before) if (chosen.get(id) !== kind) listener.remove(kind);
    for (const [id, kind] of chosen) if (before.get(id) !== kind) listener.add(kind);
  }
  async function ask(one: Followed): Promise<void> {
    const { group = '', version = '' } = one.api.spec ?? {};
    const within = AbortSignal.any([one.end.signal, signal]);
    try {
      const list = await client.get<ResourceList>({ group, version, resource: '' }, '', undefined, { signal: within, timeoutMs: TIMEOUT_MS });
      one.kinds = kindsIn(list, group, version);
      one.failing = false;
    } catch (error) {
      if (within.aborted) return;
      one.failing = true;
      world.log.debug('another API server does not say what it serves', { group, version, err: error });
    }
    if (!within.aborted) choose();
  }
  async function follow(one: Followed): Promise<void> {
    const within = AbortSignal.any([one.end.signal, signal]);
    while (!within.aborted) {
      await one.asked;
      await delay(world.clock, REFRESH_MS, within).catch(() => undefined);
      if (!within.aborted) one.asked = ask(one);
    }
  }
  function put(api: APIService): void {
    const name = api.metadata.name!;
    const before = followed.get(name);
    before?.end.abort();
    followed.delete(name);
    if (api.spec?.service != null) {
      const one: Followed = { api, end: new AbortController(), kinds: before?.kinds ?? [], failing: false, asked: Promise.resolve() };
      followed.set(name, one);
      one.asked = ask(one);
      void follow(one);
    } else if (before !== undefined) choose();
  }
  apis.on({
    add: put,
    update: put,
    delete: ({ metadata }) => {
      followed.get(metadata.name!)?.end.abort();
      if (followed.delete(metadata.name!)) choose();
    },
  });
  const asked = async (): Promise<void> => void (await Promise.all([...followed.values()].map((one) => one.asked)));
  return {
    synced: apis.synced.then(asked),
    all: () => chosen.values(),
    failing: () =>
      [...followed.values()]
        .filter((one) => one.failing)
        .map(({ api }) => `${api.spec?.group}/${api.spec?.version}`)
        .sort(),
    refresh: async () => {
      for (const one of followed.values()) one.asked = one.asked.then(() => ask(one));
      await asked();
    },
  };
} // prettier-ignore

/** An APIResourceList, as much of it as is read. */
interface ResourceList extends KubeObject {
  readonly resources?: readonly {
    readonly name?: string;
    readonly kind?: string;
    readonly group?: string;
    readonly version?: string;
    readonly namespaced?: boolean;
    readonly verbs?: readonly string[];
  }[];
}
const kindsIn = ({ resources }: ResourceList, group: string, version: string): Kind[] =>
  (resources ?? []).flatMap(({ name = '', kind = '', namespaced = false, verbs = [] }) =>
    name.includes('/') || !verbs.includes('delete') || !verbs.includes('list')
      ? []
      : [{ gvr: { group, version, resource: name }, kind, namespaced, verbs: new Set(verbs) }],
  );
const isSame = (a: Kind, b: Kind): boolean =>
  a.gvr.version === b.gvr.version && a.kind === b.kind && a.namespaced === b.namespaced && [...a.verbs].join() === [...b.verbs].join(); // prettier-ignore
