import { ApiError, toStatus } from '../../schemas/meta/status.ts';
import type { Status } from '../../schemas/meta/status.ts';
import type { ActorRequest, AttachRequest, Breakpoint, DetachRequest, ListRequest } from './inspection-frames.ts';

const LEASE_MS = 10_000;
const MAX_FOLLOWED = 64;
const MAX_TEXT = 512;
const text = (value: unknown): value is string => typeof value === 'string' && value.length <= MAX_TEXT;
const optional = (value: unknown): string | undefined => (text(value) && value !== '' ? value : undefined);
const clamp = (value: unknown, least: number, most: number, otherwise: number): number =>
  typeof value === 'number' && Number.isFinite(value) ? Math.min(Math.max(Math.trunc(value), least), most) : otherwise;

/** Undefined for what is no such request. What is missing or out of bounds is made good. */
export function attachOf(body: unknown): Required<AttachRequest> | DetachRequest | undefined {
  const { type, from, forMs, whole, follow } = (body ?? {}) as Partial<Record<keyof AttachRequest, unknown>>;
  if (type === 'detach' && text(from)) return { type, from };
  if (type !== 'attach') return undefined;
  return {
    type,
    from: text(from) ? from : '',
    forMs: clamp(forMs, 1, 60_000, LEASE_MS),
    whole: whole === true,
    follow: Array.isArray(follow) ? follow.filter(text).slice(0, MAX_FOLLOWED) : [],
  };
}
export interface Refused {
  readonly type: 'refused';
  readonly request: string;
  readonly status: Status;
}
/** A request, or its refusal; undefined for what cannot even be refused since it has no id. */
export function requestOf(body: unknown): ListRequest | ActorRequest | Refused | undefined {
  const given = (body ?? {}) as Readonly<Record<string, unknown>>;
  const { type, request, actor } = given;
  if (!text(request)) return undefined;
  switch (type) {
    case 'list':
      return {
        type,
        request,
        machine: optional(given['machine']),
        state: optional(given['state']),
        text: optional(given['text']),
        held: given['held'] === true,
        limit: clamp(given['limit'], 1, 500, 100),
        ...(typeof given['after'] === 'number' && { after: given['after'] }),
      };
    case 'pause':
    case 'step':
    case 'resume':
    case 'crash':
      return text(actor) ? { type, request, actor } : refused(request, 'a command names its actor');
    case 'break':
    case 'unbreak': {
      const on = breakpointOf(given['on']);
      if (on === undefined) return refused(request, 'a breakpoint names a state or an event');
      return text(actor) ? { type, request, actor, on } : refused(request, 'a command names its actor');
    }
    default:
      return refused(request, `there is no command "${String(type).slice(0, 60)}"`);
  }
}
export function breakpointOf(value: unknown): Breakpoint | undefined {
  const { state, event } = (value ?? {}) as { state?: unknown; event?: unknown };
  if (text(state) && state !== '' && event === undefined) return { state };
  if (text(event) && event !== '' && state === undefined) return { event };
  return undefined;
}
const refused = (request: string, why: string): Refused => ({
  type: 'refused',
  request,
  status: toStatus(new ApiError('BadRequest', why)),
});
