/** Where the arrow keys lead in a list that is one stop of the Tab key; undefined: the key is not ours. */
export function nextIndex(key: string, at: number, length: number, page = 10): number | undefined {
  const clamp = (i: number): number => Math.max(0, Math.min(length - 1, i));
  switch (key) {
    case 'ArrowDown':
      return clamp(at + 1);
    case 'ArrowUp':
      return clamp(at - 1);
    case 'PageDown':
      return clamp(at + page);
    case 'PageUp':
      return clamp(at - page);
    case 'Home':
      return 0;
    case 'End':
      return length - 1;
    default:
      return undefined;
  }
}
