/**
 * The same text, as engines keep names of properties: looking for one by a text that was read from somewhere is many times
 * slower, and it is looked for on every node.
 */
export const asPropertyName = (text: string): string => Object.keys({ [text]: true })[0]!;
