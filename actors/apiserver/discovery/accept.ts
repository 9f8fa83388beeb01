/** One media range of an Accept header with its parameters. */
export interface MediaRange {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}
/** In the order of the header; an absent header accepts anything. */
export function parseAccept(header: string | string[] | undefined): readonly MediaRange[] {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  if (text.trim() === '') return [{ type: '*/*', parameters: {} }];
  return text.split(',').map((part) => {
    const [type = '', ...rest] = part.split(';').map((s) => s.trim());
    const parameters = Object.fromEntries(
      rest.map((p) => {
        const eq = p.indexOf('=');
        return eq < 0 ? [p, ''] : [p.slice(0, eq).toLowerCase(), p.slice(eq + 1)];
      }),
    );
    return { type: type.toLowerCase(), parameters };
  });
}

export type DiscoveryForm = 'plain' | 'aggregated' | 'none';
const isJson = (type: string): boolean => type === 'application/json' || type === '*/*' || type === 'application/*';

/**
 * Which form of `/api` and `/apis` a client wants, and whether as JSON. kube-apiserver 1.36 serves v2 alone: a client
 * that offers only v2beta1 is refused, one that also takes the plain form gets that.
 */
export function discoveryForm(ranges: readonly MediaRange[]): { readonly form: DiscoveryForm; readonly json: boolean } {
  for (const { type, parameters } of ranges) {
    const { as, g, v } = parameters;
    if (as === undefined) return { form: 'plain', json: isJson(type) };
    if (as === 'APIGroupDiscoveryList' && g === 'apidiscovery.k8s.io' && v === 'v2' && isJson(type))
      return { form: 'aggregated', json: true };
  }
  return { form: 'none', json: true };
}
