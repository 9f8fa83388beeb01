import { reasonOf, statusOf } from '../../schemas/meta/status.ts';

/** The revision asked for is compacted: list again. The API says Expired for watches and lists, Gone in older paths. */
export const isExpired = (error: unknown): boolean => {
  const reason = reasonOf(error);
  return reason === 'Expired' || reason === 'Gone';
};
export const isNotFound = (error: unknown): boolean => reasonOf(error) === 'NotFound';
export const isConflict = (error: unknown): boolean => reasonOf(error) === 'Conflict';
export const isAlreadyExists = (error: unknown): boolean => reasonOf(error) === 'AlreadyExists';

const TERMINAL: ReadonlySet<string> = new Set(['Invalid', 'BadRequest', 'MethodNotAllowed', 'RequestEntityTooLarge']);
/** Asking the same again at once would be answered the same: a change helps, of the object or of what judges it. */
export const isTerminal = (error: unknown): boolean => TERMINAL.has(reasonOf(error) ?? '');
/** The namespace is on its way out and takes nothing new. */
export const isNamespaceTerminating = (error: unknown): boolean =>
  statusOf(error)?.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false;
/** The same call; that a namespace is on its way out, and takes nothing new, is no failure of it. */
export const unlessTerminating =
  <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
  async (...args: A): Promise<R | undefined> => {
    try {
      return await call(...args);
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined;
      throw error;
    }
  };
