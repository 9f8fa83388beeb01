import { invalid, required, tooLong, type FieldError, type FieldPath } from '../meta/field.ts';
import { byteLength, dnsLabel, dnsSubdomain } from '../meta/names.ts';

type Errors = Generator<FieldError, void, undefined>;
const MAX_DOMAIN_BYTES = 253;
const MAX_BYTES = MAX_DOMAIN_BYTES + 1 + MAX_DOMAIN_BYTES + 1 + 63;

/** `example.com/signer-name`. Source: pkg/apis/core/validation ValidateSignerName. */
export function* signerName(name: string, at: FieldPath): Errors {
  if (name === '') {
    yield required(at);
    return;
  }
  const [domain, path, more] = name.split('/');
  if (path === undefined || more !== undefined) {
    yield invalid(at, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'");
    return;
  }
  if (byteLength(domain!) > MAX_DOMAIN_BYTES) yield tooLong(at, MAX_DOMAIN_BYTES);
  yield* firstBadLabel(domain!, dnsLabel, at);
  if (!domain!.includes('.'))
    yield invalid(at, domain, 'should be a domain with at least two segments separated by dots');
  yield* firstBadLabel(path, dnsSubdomain, at);
  if (byteLength(name) > MAX_BYTES) yield tooLong(at, MAX_BYTES);
}
function* firstBadLabel(segment: string, rule: (label: string) => readonly string[], at: FieldPath): Errors {
  for (const label of segment.split('.')) {
    const problems = rule(label);
    for (const why of problems) yield invalid(at, segment, `validating label ${JSON.stringify(label)}: ${why}`);
    if (problems.length > 0) return;
  }
}
