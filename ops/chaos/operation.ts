/** What a client asked for. `expect`: the resourceVersion that the object must have; undefined: whatever it has. */
export type Ask =
  | { readonly kind: 'get' }
  | { readonly kind: 'create'; readonly value: string }
  | { readonly kind: 'update'; readonly value: string; readonly expect: number }
  | { readonly kind: 'delete'; readonly expect?: number | undefined };

/**
 * What came of it. `done` of a delete has neither revision nor value, that of a write has the revision that it got.
 * `unknown`: no answer, or one that does not say (500 and above): it may take effect at any time, or never.
 */
export type Outcome =
  | { readonly kind: 'done'; readonly revision?: number | undefined; readonly value?: string | undefined }
  | { readonly kind: 'notFound' }
  | { readonly kind: 'alreadyExists' }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'unknown'; readonly why: string };

/** One request of one client about one object, with the times between which it took effect, ms on one clock. */
export interface Operation {
  readonly client: string;
  readonly key: string;
  readonly ask: Ask;
  readonly outcome: Outcome;
  readonly invokedAt: number;
  readonly returnedAt: number;
}
