import { reasonOf } from '../../schemas/meta/status.ts';

/** The revision asked for is compacted: list again. The API says Expired for watches and lists, Gone in older paths. */
export const isExpired = (error: unknown): boolean => {
  const reason = reasonOf(error);
  return reason === 'Expired' || reason === 'Gone';
};
export const isNotFound = (error: unknown): boolean => reasonOf(error) === 'NotFound';
export const isConflict = (error: unknown): boolean => reasonOf(error) === 'Conflict';
export const isAlreadyExists = (error: unknown): boolean => reasonOf(error) === 'AlreadyExists';

const TERMINAL: ReadonlySet<string> = new Set(['Invalid', 'BadRequest', 'MethodNotAllowed', 'RequestEntityTooLarge']);
/** Asking the same again would be answered the same: only a change of the object helps. */
export const isTerminal = (error: unknown): boolean => TERMINAL.has(reasonOf(error) ?? '');
