import { goQuote } from '../../../../schemas/meta/go-quote.ts';

/** A list as Go's `%q` prints it: `["a" "b"]`. */
export const goStrings = (list: readonly string[]): string => `[${list.map(goQuote).join(' ')}]`;
