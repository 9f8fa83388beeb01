import type { LabelSelector } from '../generated/meta-v1.ts';

export type Labels = Readonly<Record<string, string>> | undefined;
export type Matcher = (labels: Labels) => boolean;
const NONE: Readonly<Record<string, string>> = {};

export interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}

/**
 * A LabelSelector as a predicate: undefined selects nothing, an empty one everything.
 * Source: apimachinery pkg/apis/meta/v1 LabelSelectorAsSelector, pkg/labels Requirement.Matches.
 */
export function compileSelector(selector: LabelSelector | undefined): Matcher {
  if (selector === undefined) return () => false;
  const pairs = Object.entries(selector.matchLabels ?? {});
  const expressions = selector.matchExpressions ?? [];
  return (labels = NONE) => {
    for (const [key, value] of pairs) if (labels[key] !== value) return false;
    for (const e of expressions) if (!matchesRequirement(e, labels)) return false;
    return true;
  };
}
/** Matches a plain map, as Service and ReplicationController selectors are. */
export function compileMap(pairs: Readonly<Record<string, string>>): Matcher {
  const entries = Object.entries(pairs);
  return (labels = NONE) => entries.every(([key, value]) => labels[key] === value);
}
/** One requirement of a label, node or field selector; operators In, NotIn, Exists, DoesNotExist, Gt, Lt. */
export function matchesRequirement(r: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const has = Object.hasOwn(labels, r.key);
  const value = labels[r.key];
  switch (r.operator) {
    case 'In':
      return has && (r.values ?? []).includes(value!);
    case 'NotIn':
      return !has || !(r.values ?? []).includes(value!);
    case 'Exists':
      return has;
    case 'DoesNotExist':
      return !has;
    case 'Gt':
    case 'Lt': {
      const [left, right] = [integer(value), integer(r.values?.[0])];
      if (!has || left === undefined || right === undefined) return false;
      return r.operator === 'Gt' ? left > right : left < right;
    }
    default:
      return false;
  }
}
const integer = (text: string | undefined): bigint | undefined =>
  text !== undefined && /^[+-]?\d+$/.test(text) ? BigInt(text) : undefined;
