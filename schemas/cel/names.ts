const RESERVED = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);
export const isReserved = (name: string): boolean => RESERVED.has(name);
const PARTS: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** A property's name in expressions; undefined where it has none. Source: apiserver pkg/cel/escaping.go Escape. */
export function celName(property: string): string | undefined {
  if (property === '' || /^[0-9]/.test(property) || /[^a-zA-Z0-9_./-]/.test(property)) return undefined;
  if (RESERVED.has(property)) return `__${property}__`;
  return property.replace(/__|[-./]/g, (part) => PARTS[part]!);
}
