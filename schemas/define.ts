import type { JSONSchemaProps } from './generated/apiextensions-v1.ts';
import type { GiveWay } from './helpers/steps.ts';
import type { FieldError, FieldPath } from './meta/field.ts';
import type { MetadataCheck } from './meta/metadata.ts';
import type { KubeObject } from './meta/object.ts';

export type Errors = Generator<FieldError, void, undefined>;
export type Cell = string | number | boolean | null;

/**
 * The hand-written behaviour of one kind; its structure (names, verbs, fields, types, list keys, enums, columns) is in
 * `facts/` and joined to it by registry.ts. A kind without a definition still works with structure alone.
 * Drafts may be changed in place and are returned; `object` and `old` of validators are read-only.
 */
export interface ResourceDefinition<T extends KubeObject = KubeObject> {
  readonly group: string;
  readonly version: string;
  /** Plural, as in the URL. */
  readonly resource: string;
  /** Fields a client may leave out, beyond the static defaults in facts; never overwrites what is set. `now`: RFC 3339, of requests. */
  readonly defaults?: (draft: T, now?: () => string) => T;
  /** Defaults by apiVersion, of versions that are served no more but that a patched object may still claim. */
  readonly oldDefaults?: Readonly<Record<string, (draft: T) => void>>;
  /** Why an object of the right types cannot be worked with all the same. */
  readonly unreadable?: (object: T) => string | undefined;
  /** What a writer may not set (status on create, ...) and what the server sets. metadata is the pipeline's. */
  readonly prepareForCreate?: (draft: T, writer?: Writer, now?: string) => T;
  /** Same for update through the main resource (status kept from old, ...). `generation` rises when spec changed: the pipeline's. */
  readonly prepareForUpdate?: (draft: T, old: T) => T;
  /**
   * Same for update through `subresource`, status or approval, beyond keeping from old what these do not write. `now`: RFC 3339.
   */
  readonly prepareForStatusUpdate?: (draft: T, old: T, now: string, subresource: string) => T;
  /** Kinds that wait for somebody when deleted: puts the finalizer in. Deletion then sets the time, and nothing else. */
  readonly prepareForDelete?: (draft: T, now: string) => T;
  /**
   * How often an update looks at metadata again, beyond what all kinds do: `whole` as at creation, `changes` for what may not
   * change. Repeated problems are repeated causes. Default: `changes`, once; so the status.
   */
  readonly metadataChecks?: readonly MetadataCheck[];
  /** Of what a creation was given, before it is validated: said even if it is refused then. */
  readonly earlyWarnings?: (object: T) => readonly string[];
  /** The same of an update of the status. */
  readonly statusMetadataChecks?: readonly MetadataCheck[];
  /** Finalizers need be neither standard nor qualified: the kind does not use the checks of the core group. */
  readonly anyFinalizers?: boolean;
  /** At creation the kind's own rules come first and alone: metadata is looked at only if they find nothing. */
  readonly metadataLast?: boolean;
  /** `old`: on update. */
  readonly validate?: (object: T, at: FieldPath, old?: T) => Errors;
  /** Only what concerns the change: validate() runs on the new object as well, before unless `changesFirst`. */
  readonly validateUpdate?: (object: T, old: T, at: FieldPath) => Errors;
  /** The order of the errors of an update: what validateUpdate finds, then what validate finds. */
  readonly changesFirst?: boolean;
  readonly validateStatusUpdate?: (object: T, old: T, at: FieldPath) => Errors;
  /** The subresources that write the same object, apart from status: by name. */
  readonly doors?: Readonly<Record<string, Door<T>>>;
  /** Name rule; default DNS subdomain. Yields the text after `Invalid value: "x": `. */
  readonly validateName?: (name: string, prefix: boolean) => readonly string[];
  /**
   * What validating needs is made ready, if it takes a moment (a library that only some kinds need), and what of it takes
   * long is done, giving way to others; undefined when nothing is to be waited for. `old`: on update, `onStatus`: of the
   * status.
   */
  readonly beforeValidation?: (object: T, giveWay: GiveWay, old?: T, onStatus?: boolean) => Promise<void> | undefined;
  /** What validating an update found wrong as it was before: told as warnings, even where something else is refused. */
  readonly ratcheted?: (object: T) => readonly string[];
  /** `warnings` of a create or update, one Warning header each. */
  readonly warnings?: (object: T, old: T | undefined) => readonly string[];
  /** The same of an update of the status. */
  readonly statusWarnings?: (object: T, old: T) => readonly string[];
  /** Beyond metadata.name and metadata.namespace. */
  readonly selectableFields?: Readonly<Record<string, (object: T) => string>>;
  /** What is said of a field that objects cannot be selected by, where the kind has words of its own. */
  readonly unknownField?: (field: string) => string;
  /** Cells of a Table row, in the order of facts/tables.json, all columns. `now` in ms for ages. Default: name and age. */
  readonly cells?: (object: T, now: number) => readonly Cell[];
  /** Each event of a watch as Table repeats the columns; elsewhere only the first names them. */
  readonly repeatsColumns?: boolean;
  /** PUT may create a missing object (Lease, Endpoints, Event, ...); source: AllowCreateOnUpdate of the strategy. */
  readonly allowCreateOnUpdate?: boolean;
  /** PUT without resourceVersion is refused; source: AllowUnconditionalUpdate of the strategy. Default allowed. */
  readonly requiresResourceVersionOnUpdate?: boolean;
  /** Graceful deletion: seconds to wait before removal given the request, or undefined for at once (pods). */
  readonly gracePeriodSeconds?: (object: T, requested: number | undefined) => number | undefined;
  /** Deletion is the kind's own affair in the real server, which words what it expected differently then. */
  readonly deletesByItself?: boolean;
  /** What DELETE answers when the object is gone: itself, or a Success Status (the default). */
  readonly deleteReturnsObject?: boolean;
  /** Propagation when DeleteOptions says nothing: 'Background' (default) or 'Orphan' (Job, ReplicationController); 'Unsupported': none, whatever it says (Event). */
  readonly defaultPropagation?: 'Background' | 'Orphan' | 'Unsupported';
  /** DELETE without a propagation policy warns that dependents stay (Job). */
  readonly warnsOfOrphans?: boolean;
  /** Annotations that stand for fields of the store's own form: views of the metadata alone lack them. */
  readonly fieldAnnotations?: readonly string[];
  /** metadata.generation is kept (1 on create, +1 when anything but metadata and status changed). Default: if facts has a `status`. */
  readonly tracksGeneration?: boolean;
  /** An empty list differs from none when it is asked what changed: the real server compares exactly. */
  readonly countsEmpties?: boolean;
  /** The real server keeps it as JSON and not as protobuf: empty lists that are printed always stay so. */
  readonly storedAsJson?: boolean;
  /** Objects are large, or many, and rarely read: only their bytes are kept while nobody reads them. */
  readonly keptEncoded?: boolean;
  /** Seconds until the object removes itself (Events: 3600). */
  readonly ttlSeconds?: number;
  /** Where scale reads and writes: JSON paths without the leading dot. */
  readonly scale?: {
    readonly specReplicas: string;
    readonly statusReplicas: string;
    readonly selector: (object: T) => string;
  };
  /** Of kinds that a CustomResourceDefinition brings. */
  readonly custom?: CustomKind;
  /** Storage key below /registry/, when storage-prefix.ts does not know it. */
  readonly storagePrefix?: string;
  /** Other versions of the same kind by apiVersion (`autoscaling/v1`), converted to and from the storage version (this definition's). */
  readonly conversions?: Readonly<Record<string, Conversion<T>>>;
}
/** What one such subresource lets through, and what it refuses beyond what `validate` of the kind does. */
export interface Door<T extends KubeObject = KubeObject> {
  /** The object as it was, with what may be written here taken from the draft. */
  readonly prepare: (draft: T, old: T) => T;
  /** What is said instead of anything else. */
  readonly refuses?: (old: T) => FieldError | undefined;
  /** `wrong`: something has been found wrong before. */
  readonly validate?: (object: T, old: T, at: FieldPath, wrong: boolean) => Errors;
}
/** Who sends a request, for kinds that note it. */
export interface Writer {
  readonly name: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}
/** What a CustomResourceDefinition says of one version of its kind. */
export interface CustomKind {
  /** Read again where it was let go: not for keeping. */
  readonly schema: JSONSchemaProps;
  readonly versions: CustomVersions;
  /** Changes with whatever is published of it. */
  readonly digest: string;
}
/**
 * How objects of a custom kind go from version to version. Each version has schema, rules and defaults of its own: a
 * request is worked on in its own version, only the store's form is of another.
 */
export interface CustomVersions {
  /** An object as a version shows it, from the store (in whatever version it was written) or from a request. Throws Unconverted. */
  served(object: KubeObject, apiVersion: string): KubeObject;
  /** As the conversion alone makes it of an object of another version: what that version's structure lacks is still there. Throws Unconverted. */
  raw(object: KubeObject, apiVersion: string): KubeObject;
  /** An object as it is to be stored. */
  stored(object: KubeObject): KubeObject | Promise<KubeObject>;
  /** Somebody else converts: what is to be shown of a version has to be prepared. */
  readonly isRemote: boolean;
  /** After it `served` has an answer for all of them. */
  prepare(objects: readonly KubeObject[], apiVersion: string): Promise<void>;
}
export interface Conversion<T extends KubeObject = KubeObject> {
  readonly toStorage: (object: KubeObject) => T;
  readonly fromStorage: (object: T) => KubeObject;
  /** Where the version's fields for selectors have other names; reads the stored object. */
  readonly selectableFields?: Readonly<Record<string, (object: T) => string>>;
  /** Where writes in this version have rules of their own; they read the object in its storage version. */
  /** Kinds that wait for somebody when deleted: puts the finalizer in. Deletion then sets the time, and nothing else. */
  readonly prepareForDelete?: (draft: T, now: string) => T;
  /** `old`: on update. */
  readonly validate?: (object: T, at: FieldPath, old?: T) => Errors;
  readonly validateUpdate?: (object: T, old: T, at: FieldPath) => Errors;
}
export const defineResource = <T extends KubeObject>(definition: ResourceDefinition<T>): ResourceDefinition<T> =>
  definition;
