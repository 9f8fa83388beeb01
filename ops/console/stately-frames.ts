/**
 * The frames of `@statelyai/inspect` 0.7 as they cross a WebSocket: each a JSON text, one way. Source: its
 * StatelyInspectionEvent and WebSocketAdapter.
 */
export type StatelyFrame = StatelyActor | StatelyEvent | StatelyChange;
interface Base {
  readonly sessionId: string;
  readonly rootId?: string | undefined;
  /** Milliseconds since the epoch, as text. */
  readonly createdAt: string;
  readonly id: string | null;
  readonly _version: string;
}
export interface StatelySnapshot {
  readonly status?: string;
  readonly value?: unknown;
  readonly context?: unknown;
  readonly children?: Readonly<Record<string, unknown>>;
}
interface StatelyActor extends Base {
  readonly type: '@xstate.actor';
  readonly name: string;
  /** The machine's config as JSON. */
  readonly definition?: string | undefined;
  readonly parentId?: string | undefined;
  readonly snapshot: StatelySnapshot;
}
interface StatelyEvent extends Base {
  readonly type: '@xstate.event';
  readonly event: { readonly type: string };
  readonly sourceId?: string | undefined;
}
interface StatelyChange extends Base {
  readonly type: '@xstate.snapshot';
  readonly event: { readonly type: string };
  readonly snapshot: StatelySnapshot;
}
/** The protocol that we speak. */
export const STATELY_VERSION = '0.7.2';

/** A frame, or undefined for anything else. */
export function frameOf(text: string): StatelyFrame | undefined {
  let value: Partial<Record<string, unknown>> | null;
  try {
    value = JSON.parse(text) as Partial<Record<string, unknown>> | null;
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || typeof value['sessionId'] !== 'string') return undefined;
  const snapshot = isObject(value['snapshot']) ? value['snapshot'] : {};
  const event = isObject(value['event']) && typeof value['event']['type'] === 'string' ? value['event'] : { type: '' };
  const name = typeof value['name'] === 'string' ? value['name'].slice(0, 200) : value['sessionId'];
  switch (value['type']) {
    case '@xstate.actor':
      if (value['definition'] !== undefined && typeof value['definition'] !== 'string') return undefined;
      return { ...value, name, snapshot } as unknown as StatelyActor;
    case '@xstate.event':
      return { ...value, event } as unknown as StatelyEvent;
    case '@xstate.snapshot':
      return { ...value, event, snapshot } as unknown as StatelyChange;
    default:
      return undefined;
  }
}
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
