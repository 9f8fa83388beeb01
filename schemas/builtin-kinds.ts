import resourceFacts from './facts/resources.json' with { type: 'json' };
import { parseApiVersion, type GroupVersionResource } from './meta/object.ts';
import { builtinStoragePrefix } from './storage-prefix.ts';

/** A builtin kind as those need it who treat all kinds alike; the registry, which knows the rest, takes 30 MB. */
export interface BuiltinKind {
  readonly gvr: GroupVersionResource;
  readonly kind: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly verbs: ReadonlySet<string>;
  /** The same for versions and groups that share their objects. */
  readonly storagePrefix: string;
}
/** All builtin kinds in all their versions, in discovery order. */
export const builtinKinds = (): BuiltinKind[] =>
  resourceFacts
    .filter(({ name }) => !name.includes('/'))
    .map(({ groupVersion, name, kind, singular, namespaced, verbs }) => {
      const gvr = { ...parseApiVersion(groupVersion), resource: name };
      const storagePrefix = builtinStoragePrefix(gvr.group, name);
      return { gvr, kind, singular, namespaced, verbs: new Set(verbs), storagePrefix };
    });
