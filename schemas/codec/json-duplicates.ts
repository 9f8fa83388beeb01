/** Finds members named twice in a text that is valid JSON: `duplicate field "spec.containers[0].name"`. */
export function duplicateFields(text: string): string[] {
  const out: string[] = [];
  let i = 0;
  const space = (): void => {
    while (' \t\r\n'.includes(text[i] ?? '-')) i++;
  };
  const string = (): string => {
    const start = i;
    for (i++; text[i] !== '"'; i++) if (text[i] === '\\') i++;
    i++;
    return JSON.parse(text.slice(start, i)) as string;
  };
  const value = (path: string): void => {
    space();
    if (text[i] === '{') {
      const seen = new Set<string>();
      for (i++, space(); text[i] !== '}'; space()) {
        if (text[i] === ',') i++;
        space();
        const name = string();
        const at = path === '' ? name : `${path}.${name}`;
        if (seen.has(name)) out.push(`duplicate field ${JSON.stringify(at)}`);
        seen.add(name);
        space();
        i++;
        value(at);
      }
      i++;
    } else if (text[i] === '[') {
      let n = 0;
      for (i++, space(); text[i] !== ']'; space()) {
        if (text[i] === ',') i++;
        value(`${path}[${n++}]`);
      }
      i++;
    } else if (text[i] === '"') string();
    else while (i < text.length && !',]}'.includes(text[i]!)) i++;
  };
  value('');
  return [...new Set(out)];
}
