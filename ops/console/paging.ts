import { ApiError } from '../../schemas/meta/status.ts';
import type { ActorFilter } from '../../actors/runtime/inspection-frames.ts';
import type { ActorQuery } from './protocol.ts';

const MAX_LIMIT = 500;

/** Query parameters of a list of actors. Thrown: ApiError BadRequest. */
export function actorQueryOf(parameters: URLSearchParams): ActorQuery {
  const query: Record<string, string | number | boolean> = {};
  for (const name of ['machine', 'state', 'component', 'id', 'text', 'continue']) {
    const value = parameters.get(name);
    if (value !== null && value !== '') query[name] = value;
  }
  if (parameters.get('held') === 'true') query['held'] = true;
  const limit = parameters.get('limit');
  if (limit !== null) {
    const n = Number(limit);
    if (!Number.isInteger(n) || n < 1)
      throw new ApiError('BadRequest', `limit must be a whole number from 1 to ${MAX_LIMIT}, not "${limit}"`);
    query['limit'] = Math.min(n, MAX_LIMIT);
  }
  return query;
}
export const filterOf = ({ machine, state, text, held }: ActorQuery): ActorFilter => ({ machine, state, text, held });

/** Where a list goes on: at which component, after which of its actors. */
interface Place {
  readonly key: string;
  readonly after: number;
}
export const continueAfter = (key: string, after: number): string =>
  Buffer.from(JSON.stringify([key, after])).toString('base64url');
/** Thrown: ApiError BadRequest. */
export function placeOf(token: string | undefined): Place | undefined {
  if (token === undefined) return undefined;
  try {
    const [key, after] = JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown[];
    if (typeof key === 'string' && typeof after === 'number') return { key, after };
  } catch {
    // Refused below.
  }
  throw new ApiError('BadRequest', 'continue is not a token of a page before: list from the start');
}
