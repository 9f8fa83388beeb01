import { invalid, required, type FieldError, type FieldPath } from '../meta/field.ts';
import { dnsSubdomain, regexProblem } from '../meta/names.ts';

type Errors = Generator<FieldError, void, undefined>;
const HTTP_PATH = String.raw`[A-Za-z0-9/\-._~%!$&'()*+,;=:]+`;
const IS_HTTP_PATH = new RegExp(`^${HTTP_PATH}$`);
const KEY = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const IS_KEY = new RegExp(`^${KEY}$`);

/** `acme.io/foo`. Source: apimachinery pkg/util/validation IsDomainPrefixedPath. */
export function* domainPrefixedPath(value: string, at: FieldPath): Errors {
  const slash = value.indexOf('/');
  if (value === '') yield required(at);
  else if (slash <= 0 || slash === value.length - 1)
    yield invalid(at, value, 'must be a domain-prefixed path (such as "acme.io/foo")');
  else {
    const host = value.slice(0, slash);
    const path = value.slice(slash + 1);
    for (const why of dnsSubdomain(host)) yield invalid(at, host, why);
    if (!IS_HTTP_PATH.test(path)) yield invalid(at, path, regexProblem('Invalid path', HTTP_PATH));
  }
}
/** Like the path, but with a single plain key after the slash. Source: IsDomainPrefixedKey. */
export function* domainPrefixedKey(value: string, at: FieldPath): Errors {
  const slash = value.indexOf('/');
  if (value === '') yield required(at);
  else if (slash <= 0 || slash === value.length - 1)
    yield invalid(at, value, 'must be a domain-prefixed key (such as "acme.io/foo")');
  else {
    const host = value.slice(0, slash);
    const key = value.slice(slash + 1);
    for (const why of dnsSubdomain(host)) yield invalid(at, host, why);
    if (!IS_KEY.test(key)) yield invalid(at, key, regexProblem('Invalid key', KEY, 'MyName', 'my.name', '123-abc'));
  }
}
