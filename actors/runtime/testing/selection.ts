import type { KubeObject } from '../../../schemas/meta/object.ts';

/** Whether an object is of the namespace and matches both selectors; as much of their syntax as tests use: `a=b,c!=d,e,!f`. */
export function selects(
  o: { namespace?: string | undefined; labelSelector?: string | undefined; fieldSelector?: string | undefined },
  object: KubeObject,
): boolean {
  if (o.namespace && object.metadata.namespace !== o.namespace) return false;
  return (
    every(o.labelSelector, (key) => object.metadata.labels?.[key]) &&
    every(o.fieldSelector, (path) => {
      let at: unknown = object;
      for (const step of path.split('.')) at = (at as Record<string, unknown> | undefined)?.[step];
      return at === undefined ? '' : String(at);
    })
  );
}
function every(selector: string | undefined, valueOf: (key: string) => string | undefined): boolean {
  if (!selector) return true;
  return selector.split(',').every((term) => {
    if (term.startsWith('!')) return valueOf(term.slice(1)) === undefined;
    const not = term.split('!=');
    if (not.length === 2) return valueOf(not[0]!) !== not[1];
    const is = term.split(/==?/);
    return is.length === 2 ? valueOf(is[0]!) === is[1] : valueOf(term) !== undefined;
  });
}
