/**
 * `$(NAME)` of a known variable becomes its value, `$$` a dollar; all else stays as it is written. The first of `maps`
 * that has a name counts. Source: third_party/forked/golang/expansion.
 */
export function expand(text: string, ...maps: readonly ReadonlyMap<string, string>[]): string {
  if (!text.includes('$')) return text;
  return text.replaceAll(/\$(?:\$|\(([^)]*)\)|.)/gsu, (all, name?: string) => {
    if (name === undefined) return all === '$$' ? '$' : all;
    return maps.find((map) => map.has(name))?.get(name) ?? all;
  });
}
export interface Variable {
  readonly name: string;
  readonly value: string;
}
/** A container's command and arguments as they are run. Source: kubelet container ExpandContainerCommandAndArgs. */
export function commandOf(
  container: { readonly command?: readonly string[] | undefined; readonly args?: readonly string[] | undefined },
  variables: readonly Variable[],
): { readonly command: readonly string[]; readonly args: readonly string[] } {
  const map = new Map(variables.map(({ name, value }) => [name, value]));
  const each = (words: readonly string[] = []): readonly string[] => words.map((word) => expand(word, map));
  return { command: each(container.command), args: each(container.args) };
}
/**
 * The command of a probe: it knows only the variables that the pod's author wrote out.
 * Source: kubelet container ExpandContainerCommandOnlyStatic.
 */
export function staticCommandOf(
  command: readonly string[],
  env: readonly { readonly name: string; readonly value?: string | undefined }[] = [],
): readonly string[] {
  const map = new Map(env.map(({ name, value }) => [name, value ?? '']));
  return command.map((word) => expand(word, map));
}
/**
 * The path of a `subPathExpr`. Throws: Error, variables without a value.
 * Source: kubelet container ExpandContainerVolumeMounts.
 */
export function expandSubPath(expression: string, variables: readonly Variable[]): string {
  const map = new Map(variables.map(({ name, value }) => [name, value]));
  const missing = new Set<string>();
  for (const [, name] of expression.matchAll(/\$(?:\$|\(([^)]*)\)|.)/gsu))
    if (name !== undefined && !map.get(name)) missing.add(name);
  if (missing.size > 0) throw new Error(`missing value for ${[...missing].sort().join(', ')}`);
  return expand(expression, map);
}
