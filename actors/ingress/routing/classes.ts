import type { Ingress, IngressClass } from '../../../schemas/generated/networking-v1.ts';

export const CONTROLLER = 'kubus.io/ingress';
/** The class that the add-on makes. */
export const CLASS_NAME = 'kubus';
export const DEFAULT_CLASS = 'ingressclass.kubernetes.io/is-default-class';
/** As Ingresses named their class before there were classes. */
const OLD_CLASS = 'kubernetes.io/ingress.class';

export const isOurs = (ingressClass: IngressClass): boolean => ingressClass.spec?.controller === CONTROLLER;
export const isDefault = ({ metadata }: IngressClass): boolean => metadata.annotations?.[DEFAULT_CLASS] === 'true';

/**
 * Which Ingresses are this controller's: those whose class names it, by the field or by the old annotation (which need not
 * be the name of a class), and those without any class while the default class is its own.
 */
export function claim(classes: Iterable<IngressClass>): (ingress: Ingress) => boolean {
  const all = [...classes];
  const names = new Set(all.filter(isOurs).map(({ metadata }) => metadata.name));
  const takesOthers = all.some((one) => isOurs(one) && isDefault(one));
  return ({ metadata, spec }) => {
    if (spec?.ingressClassName !== undefined) return names.has(spec.ingressClassName);
    const annotated = metadata.annotations?.[OLD_CLASS];
    return annotated === undefined ? takesOthers : annotated === CLASS_NAME || names.has(annotated);
  };
}
