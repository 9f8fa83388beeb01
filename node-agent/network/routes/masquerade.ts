import { isIpv6 } from '../../../schemas/meta/ip.ts';
import type { RoutePlan } from './plan.ts';

const TABLE = 'kubus-pods';
/** Whom everybody of a link hears is inside of it. */
const GROUPS = { 4: '224.0.0.0/4', 6: 'ff00::/8' } as const;

/**
 * Rules by which pods leave the cluster under their node's address, as one transaction that replaces those before; among
 * pods and nodes all speak in their own name. What is open stays as it is.
 */
export function masquerade({ own, inside }: Pick<RoutePlan, 'own' | 'inside'>): string {
  const of = (family: 4 | 6, texts: readonly string[]): string[] => texts.filter((text) => isFamily(text, family));
  const families = ([4, 6] as const).filter((family) => of(family, own).length > 0);
  const set = (name: string, family: 4 | 6, elements: readonly string[]): string =>
    `  set ${name}${family} {\n    type ipv${family}_addr\n    flags interval\n    auto-merge\n    elements = { ${elements.join(', ')} }\n  }\n`;
  const rule = (family: 4 | 6): string => {
    const ip = family === 4 ? 'ip' : 'ip6';
    return `    ${ip} saddr @own${family} ${ip} daddr != @inside${family} masquerade fully-random\n`;
  };
  return [
    `add table inet ${TABLE}\n`,
    `delete table inet ${TABLE}\n`,
    `table inet ${TABLE} {\n`,
    ...families.flatMap((family) => [
      set('own', family, of(family, own)),
      set('inside', family, [GROUPS[family], ...of(family, inside)]),
    ]),
    `  chain leaving {\n    type nat hook postrouting priority srcnat; policy accept;\n`,
    ...families.map(rule),
    `  }\n}\n`,
  ].join('');
}
const isFamily = (text: string, family: 4 | 6): boolean => isIpv6(text.split('/')[0]!) === (family === 6);
