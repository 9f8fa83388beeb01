import type { PatchType } from '../../bus/protocol/api.ts';
import type { GroupVersionResource, KubeObject } from '../../schemas/meta/object.ts';
import type { StatusReason } from '../../schemas/meta/status.ts';

/**
 * What a reconciler wants done, as data. Neighbours of the same operation and resource are carried out together; else
 * order is kept: an intent starts when those before it have succeeded.
 */
export type Intent =
  | {
      readonly op: 'create';
      readonly gvr: GroupVersionResource;
      readonly object: KubeObject;
      /**
       * Which place of its owner's the object fills ('': any, all are alike): it is made once for each, even where an answer
       * is lost. Of objects with generateName and a controller; see sure-creates.ts.
       */
      readonly place?: string;
      /** Reasons that count as success. */
      readonly tolerate?: readonly StatusReason[];
    }
  | {
      readonly op: 'update';
      readonly gvr: GroupVersionResource;
      /** Its resourceVersion is the precondition. */
      readonly object: KubeObject;
      readonly subresource?: string;
      readonly tolerate?: readonly StatusReason[];
    }
  | {
      readonly op: 'patch';
      readonly gvr: GroupVersionResource;
      readonly namespace: string | undefined;
      readonly name: string;
      readonly type: PatchType;
      readonly patch: unknown;
      /** Of server-side apply: in whose name, taking over what others own. */
      readonly fieldManager?: string;
      readonly force?: boolean;
      readonly subresource?: string;
      readonly tolerate?: readonly StatusReason[];
    }
  | {
      readonly op: 'delete';
      readonly gvr: GroupVersionResource;
      readonly namespace: string | undefined;
      readonly name: string;
      /** The object that is meant: another of the same name is left alone. */
      readonly uid?: string | undefined;
      readonly resourceVersion?: string | undefined;
      readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
      readonly gracePeriodSeconds?: number;
      readonly tolerate?: readonly StatusReason[];
    }
  | {
      readonly op: 'event';
      readonly type: 'Normal' | 'Warning';
      readonly regarding: KubeObject;
      readonly reason: string;
      readonly message: string;
    };

/** What a reconciler decides: calls to make now, and when to look again though nothing changes. */
export interface Decision {
  readonly intents: readonly Intent[];
  readonly requeueAfterMs?: number | undefined;
}
