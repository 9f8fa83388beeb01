import { formatGoTime } from './go-clock.ts';
import { ALGORITHMS, jsonType, objectIn, type Jws } from '../jws.ts';
import { goStrings } from './go-strings.ts';

type Claims = Readonly<Record<string, unknown>>;
/** What every token of an issuer says. */
export interface IdToken {
  readonly issuer: string;
  readonly audiences: readonly string[];
  /** Seconds since the epoch; undefined: it does not say. */
  readonly expires: number | undefined;
  readonly notBefore: number | undefined;
  readonly claims: Claims;
}
const GOOGLE = 'accounts.google.com';
const LEEWAY_MS = 60_000;

/** Reads a token whose signature is good. Throws Error. Source: coreos/go-oidc verify.go Verify, oidc.go idToken. */
export function readIdToken({ payload }: Pick<Jws, 'payload'>): IdToken {
  const fail = (why: string): never => {
    throw new Error(`oidc: failed to unmarshal claims: ${why}`);
  };
  let claims: Claims;
  try {
    claims = objectIn(payload);
  } catch (error) {
    return fail((error as Error).message);
  }
  const read: { issuer: string; audiences: readonly string[]; expires?: number | undefined; notBefore?: number | undefined } = { issuer: '', audiences: [] }; // prettier-ignore
  let sources: readonly string[] = [];
  let names: readonly unknown[] = [];
  // Go takes the names of a struct's fields in any case.
  for (const [name, value] of Object.entries(claims))
    switch (name.toLowerCase()) {
      case 'iss':
        read.issuer = stringIn(value, 'iss', fail);
        break;
      case 'sub':
      case 'nonce':
      case 'at_hash':
        stringIn(value, name.toLowerCase(), fail);
        break;
      case 'aud':
        read.audiences = audiencesIn(value, fail);
        break;
      case 'iat':
        secondsIn(value, fail);
        break;
      case 'exp':
        read.expires = secondsIn(value, fail);
        break;
      case 'nbf':
        if (value !== null) read.notBefore = secondsIn(value, fail);
        break;
      case '_claim_names':
        names = Object.values(mapIn(value, '_claim_names', 'map[string]string', fail));
        break;
      case '_claim_sources':
        sources = Object.keys(mapIn(value, '_claim_sources', 'map[string]oidc.claimSource', fail));
        break;
      default:
    }
  for (const source of names) {
    if (source === '' || source === null) throw new Error('oidc: failed to obtain source from claim name');
    if (typeof source !== 'string') return fail(`json: cannot unmarshal ${jsonType(source)} into Go struct field idToken._claim_names of type string`); // prettier-ignore
    if (!sources.includes(source)) throw new Error('oidc: source does not exist');
  }
  return { expires: undefined, notBefore: undefined, ...read, claims };
}
type Fail = (why: string) => never;
const wrongType = (value: unknown, field: string, type: string, fail: Fail): never =>
  fail(`json: cannot unmarshal ${jsonType(value)} into Go struct field idToken.${field} of type ${type}`);
function stringIn(value: unknown, field: string, fail: Fail): string {
  if (value === null) return '';
  return typeof value === 'string' ? value : wrongType(value, field, 'string', fail);
}
function mapIn(value: unknown, field: string, type: string, fail: Fail): object {
  if (value === null) return {};
  return typeof value === 'object' && !Array.isArray(value) ? value : wrongType(value, field, type, fail);
}
function audiencesIn(value: unknown, fail: Fail): readonly string[] {
  if (typeof value === 'string') return [value];
  if (value === null) return [''];
  if (!Array.isArray(value)) return wrongType(value, 'aud', '[]string', fail);
  return value.map((one: unknown) => stringIn(one, 'aud', fail));
}
/** A number, or one in a string. */
function secondsIn(value: unknown, fail: Fail): number {
  if (typeof value === 'number') return Math.trunc(value);
  if (value === null) return fail('strconv.ParseFloat: parsing "": invalid syntax');
  if (typeof value !== 'string') return wrongType(value, 'exp', 'json.Number', fail);
  if (!/^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/.test(value))
    return fail(`json: invalid number literal, trying to unmarshal ${JSON.stringify(JSON.stringify(value))} into Number`); // prettier-ignore
  return Math.trunc(Number(value));
}

/** Throws Error: why nobody believes a token of such an algorithm. */
export function assertAlgorithm({ algorithm }: Pick<Jws, 'algorithm'>): void {
  if (!ALGORITHMS.includes(algorithm))
    throw new Error(`oidc: id token signed with unsupported algorithm, expected ${goStrings(ALGORITHMS)} got ${JSON.stringify(algorithm)}`); // prettier-ignore
}
/** Throws Error: why a token is not for here, or not for now. `now`: ms since the epoch. */
export function assertGood(
  token: IdToken,
  { url, audiences }: { readonly url: string; readonly audiences: readonly string[] },
  now: number,
): void {
  const isGoogles = url === `https://${GOOGLE}` && token.issuer === GOOGLE;
  if (token.issuer !== url && !isGoogles)
    throw new Error(`oidc: id token issued by a different provider, expected ${JSON.stringify(url)} got ${JSON.stringify(token.issuer)}`); // prettier-ignore
  const isFor = token.audiences.some((audience) => audiences.includes(audience));
  const own = new Set(audiences);
  if (own.size === 1 && !isFor)
    throw new Error(`oidc: expected audience ${JSON.stringify(audiences[0])} got ${goStrings(token.audiences)}`);
  const { expires, notBefore } = token;
  if (expires === undefined || expires * 1000 < now)
    throw new Error(`oidc: token is expired (Token Expiry: ${formatGoTime(expires === undefined ? undefined : expires * 1000)})`); // prettier-ignore
  if (notBefore !== undefined && now + LEEWAY_MS < notBefore * 1000)
    throw new Error(`oidc: current time ${formatGoTime(now)} before the nbf (not before) time: ${formatGoTime(notBefore * 1000)}`); // prettier-ignore
  if (!isFor)
    throw new Error(`oidc: expected audience in ${goStrings([...own].toSorted())} got ${goStrings(token.audiences)}`);
}
/** Of which issuer a token says it is, before anybody has looked whether that is true; undefined: it is no such token. */
export function saidIssuer(payload: Uint8Array): string | undefined {
  try {
    const found = Object.entries(objectIn(payload)).findLast(([name]) => name.toLowerCase() === 'iss');
    const issuer = found?.[1] ?? '';
    if (typeof issuer !== 'string') return undefined;
    return issuer === GOOGLE ? `https://${GOOGLE}` : issuer;
  } catch {
    return undefined;
  }
}
