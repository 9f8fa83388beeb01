import { CelList, CelMap, type CelValue } from '../../../../schemas/cel/index.ts';

/**
 * JSON as expressions of an AuthenticationConfiguration see it: all numbers are doubles, and names that no identifier can
 * have are reached by escapes (`claims.kubernetes__dot__io`).
 * Source: apiserver plugin/pkg/authenticator/token/oidc newClaimsValue, unescapeMapper.
 */
export class ClaimsMap extends CelMap {
  readonly #of: Readonly<Record<string, unknown>>;
  readonly #type: string;
  constructor(of: Readonly<Record<string, unknown>>, type = 'map') {
    super();
    this.#of = of;
    this.#type = type;
  }
  override get typeName(): string {
    return this.#type;
  }
  get size(): number {
    return Object.keys(this.#of).length;
  }
  find(key: CelValue): CelValue | undefined {
    if (typeof key !== 'string') return undefined;
    const name = unescapeName(key) ?? (this.#type === 'map' ? key : undefined);
    return name !== undefined && Object.hasOwn(this.#of, name) ? claimValue(this.#of[name]) : undefined;
  }
  keys(): Iterable<CelValue> {
    return Object.keys(this.#of);
  }
}
class ClaimsList extends CelList {
  readonly #of: readonly unknown[];
  constructor(of: readonly unknown[]) {
    super();
    this.#of = of;
  }
  get size(): number {
    return this.#of.length;
  }
  at(index: number): CelValue {
    return claimValue(this.#of[index]);
  }
}
function claimValue(value: unknown): CelValue {
  if (Array.isArray(value)) return new ClaimsList(value);
  if (typeof value === 'object' && value !== null) return new ClaimsMap(value as Readonly<Record<string, unknown>>);
  return (value ?? null) as CelValue;
}
/** Source: apiserver pkg/cel/escaping.go celReservedSymbols. */
const RESERVED = new Set('true false null in as break const continue else for function if import let loop package namespace return var void while'.split(' ')); // prettier-ignore
const ESCAPES: Readonly<Record<string, string>> = { underscores: '__', dot: '.', dash: '-', slash: '/' };
/** The name that an escaped one means; undefined where it means none. Source: apiserver pkg/cel/escaping.go Unescape. */
function unescapeName(escaped: string): string | undefined {
  let good = true;
  const name = escaped.replaceAll(/__([^_]+)__/g, (whole, inner: string) => {
    const plain = ESCAPES[inner];
    if (plain !== undefined) return plain;
    if (!RESERVED.has(inner) || whole.length !== escaped.length) good = false;
    return inner;
  });
  return good ? name : undefined;
}
