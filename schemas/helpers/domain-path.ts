import { invalid, required, type FieldError, type FieldPath } from '../meta/field.ts';
import { dnsSubdomain, regexProblem } from '../meta/names.ts';

type Errors = Generator<FieldError, void, undefined>;
const HTTP_PATH = String.raw`[A-Za-z0-9/\-._~%!$&'()*+,;=:]+`;
const IS_HTTP_PATH = new RegExp(`^${HTTP_PATH}$`);

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
