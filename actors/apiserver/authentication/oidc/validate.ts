import { X509Certificate } from 'node:crypto';
import { domainPrefixedPath } from '../../../../schemas/helpers/domain-path.ts';
import { parseGoUrl } from '../../../../schemas/helpers/go-url.ts';
import { duplicate, invalid, required, type FieldError, type FieldPath } from '../../../../schemas/meta/field.ts';
import type { JwtConfiguration, Mapping, Rule } from './configuration.ts';
import { compiled, selects, type Expression } from './expressions.ts';
import type { RawIssuer, RawJwt, RawMapping, RawRule } from './shape.ts';

type Errors = Generator<FieldError, void, undefined>;
type Mappings = NonNullable<RawJwt['claimMappings']>;

/** One issuer; what is wrong with it goes to `errors`, in kube-apiserver's order. Source: apiserver pkg/apis/apiserver/validation validateJWTAuthenticator. */
export function readJwt(
  { issuer = {}, claimValidationRules = [], claimMappings = {}, userValidationRules = [] }: RawJwt,
  at: FieldPath,
  disallowed: readonly string[],
  errors: FieldError[],
): JwtConfiguration {
  errors.push(...issuerProblems(issuer, at('issuer'), disallowed));
  const claimRules = readClaimRules(claimValidationRules, at('claimValidationRules'), errors);
  const mappings = readMappings(claimMappings, at('claimMappings'), errors);
  if (usesUnverifiedMail(mappings, claimRules))
    errors.push(invalid(at('claimMappings')('username')('expression'), claimMappings.username?.expression, 'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression')); // prettier-ignore
  const userRules = readUserRules(userValidationRules, at('userValidationRules'), errors);
  const { url = '', audiences = [] } = issuer;
  return {
    issuer: { ...issuer, url, audiences },
    requiredClaims: claimValidationRules.filter(({ claim }) => claim),
    claimRules,
    userRules,
    ...mappings,
  };
}
const keep = (made: Expression | FieldError, errors: FieldError[]): Expression | undefined => {
  if ('program' in made) return made;
  errors.push(made);
  return undefined;
};

function* issuerProblems(issuer: RawIssuer, at: FieldPath, disallowed: readonly string[]): Errors {
  const { url = '', discoveryURL = '', audiences = [], audienceMatchPolicy: policy = '' } = issuer;
  if (url === '') yield required(at('url'));
  else yield* urlProblems(url, at('url'), disallowed);
  if (discoveryURL !== '') {
    if (url !== '' && url.replace(/\/+$/, '') === discoveryURL.replace(/\/+$/, ''))
      yield invalid(at('discoveryURL'), discoveryURL, 'discoveryURL must be different from URL');
    yield* urlProblems(discoveryURL, at('discoveryURL'), []);
  }
  if (audiences.length === 0) yield required(at('audiences'), `at least one ${at('audiences')} is required`);
  for (const [i, audience] of audiences.entries()) {
    if (audience === '') yield required(at('audiences')(i));
    if (audiences.indexOf(audience) < i) yield duplicate(at('audiences')(i), audience);
  }
  if (audiences.length > 1 && policy !== 'MatchAny')
    yield invalid(at('audienceMatchPolicy'), policy, 'audienceMatchPolicy must be MatchAny for multiple audiences');
  if (audiences.length === 1 && policy !== '' && policy !== 'MatchAny')
    yield invalid(at('audienceMatchPolicy'), policy, 'audienceMatchPolicy must be empty or MatchAny for single audience'); // prettier-ignore
  const { certificateAuthority = '', egressSelectorType: egress = '' } = issuer;
  const why = certificateAuthority === '' ? undefined : authorityProblem(certificateAuthority);
  if (why !== undefined) yield invalid(at('certificateAuthority'), '<omitted>', why);
  if (egress !== '' && egress !== 'controlplane' && egress !== 'cluster')
    yield invalid(at('egressSelectorType'), egress, 'egress selector must be either controlplane or cluster');
  // The real one finds this out when it makes what it configures; the text is the same.
  else if (egress !== '')
    yield invalid(at('egressSelectorType'), egress, `oidc: egress lookup required with egress selector type ${JSON.stringify(egress)}`); // prettier-ignore
}
function* urlProblems(text: string, at: FieldPath, disallowed: readonly string[]): Errors {
  if (disallowed.includes(text))
    yield invalid(at, text, `URL must not overlap with disallowed issuers: [${disallowed.toSorted().join(' ')}]`);
  const url = parseGoUrl(text);
  if (typeof url === 'string') {
    yield invalid(at, text, url);
    return;
  }
  if (url.scheme !== 'https') yield invalid(at, text, 'URL scheme must be https');
  if (url.user !== undefined) yield invalid(at, text, 'URL must not contain a username or password');
  if (url.query !== '') yield invalid(at, text, 'URL must not contain a query');
  if (url.fragment !== '') yield invalid(at, text, 'URL must not contain a fragment');
}
const MALFORMED = 'x509: malformed certificate';
/** Source: client-go util/cert ParseCertsPEM. */
function authorityProblem(pem: string): string | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----\n[^-:]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) return 'data does not contain any valid RSA or ECDSA certificates';
  try {
    return blocks.every((block) => new X509Certificate(block).raw.length > 0) ? undefined : MALFORMED;
  } catch {
    return MALFORMED;
  }
}

function readClaimRules(rules: readonly RawRule[], root: FieldPath, errors: FieldError[]): Rule[] {
  const [claims, sources] = [new Set<string>(), new Set<string>()];
  const read: Rule[] = [];
  for (const [i, { claim = '', requiredValue = '', expression = '', message = '' }] of rules.entries()) {
    const at = root(i);
    if (claim !== '' && expression !== '') errors.push(invalid(at, claim, "claim and expression can't both be set"));
    else if (claim === '' && expression === '') errors.push(required(at, 'claim or expression is required'));
    else if (claim !== '') {
      if (message !== '') errors.push(invalid(at('message'), message, 'may not be specified when claim is set'));
      if (claims.has(claim)) errors.push(duplicate(at('claim'), claim));
      claims.add(claim);
    } else {
      if (requiredValue !== '')
        errors.push(invalid(at('requiredValue'), requiredValue, 'may not be specified when expression is set'));
      if (sources.has(expression)) {
        errors.push(duplicate(at('expression'), expression));
        continue;
      }
      sources.add(expression);
      const made = keep(compiled(expression, 'claims', true, at('expression')), errors);
      if (made !== undefined) read.push({ expression: made, message });
    }
  }
  return read;
}
function readUserRules(
  rules: NonNullable<RawJwt['userValidationRules']>,
  root: FieldPath,
  errors: FieldError[],
): Rule[] {
  const sources = new Set<string>();
  const read: Rule[] = [];
  for (const [i, { expression = '', message = '' }] of rules.entries()) {
    const at = root(i)('expression');
    if (expression === '') errors.push(required(at));
    else if (sources.has(expression)) errors.push(duplicate(at, expression));
    else {
      sources.add(expression);
      const made = keep(compiled(expression, 'user', true, at), errors);
      if (made !== undefined) read.push({ expression: made, message });
    }
  }
  return read;
}

function readMappings(
  { username = {}, groups = {}, uid = {}, extra = [] }: Mappings,
  at: FieldPath,
  errors: FieldError[],
): Pick<JwtConfiguration, 'username' | 'groups' | 'uid' | 'extra'> {
  return {
    username: readPrefixed(username, at('username'), true, errors),
    groups: readPrefixed(groups, at('groups'), false, errors),
    uid: readUid(uid, at('uid'), errors),
    extra: readExtra(extra, at('extra'), errors),
  };
}
function readPrefixed(
  { claim = '', prefix, expression = '' }: RawMapping,
  at: FieldPath,
  isRequired: boolean,
  errors: FieldError[],
): Mapping {
  if (expression !== '' && claim !== '') errors.push(invalid(at, '', "claim and expression can't both be set"));
  else if (expression !== '') {
    if (prefix !== undefined) errors.push(invalid(at('prefix'), prefix, 'may not be specified when expression is set'));
    const made = keep(compiled(expression, 'claims', false, at('expression')), errors);
    return made && { expression: made };
  } else if (claim !== '') {
    if (prefix === undefined)
      errors.push(required(at('prefix'), 'prefix is required when claim is set. It can be set to an empty string to disable prefixing')); // prettier-ignore
    return { claim, prefix: prefix ?? '' };
  } else if (isRequired) errors.push(required(at, 'claim or expression is required'));
  return undefined;
}
function readUid({ claim = '', expression = '' }: RawMapping, at: FieldPath, errors: FieldError[]): Mapping {
  if (claim !== '' && expression !== '') errors.push(invalid(at, '', "claim and expression can't both be set"));
  if (claim !== '') return { claim, prefix: '' };
  const made = expression === '' ? undefined : keep(compiled(expression, 'claims', false, at('expression')), errors);
  return made && { expression: made };
}
const KUBERNETES = /^(?:.*\.)?(?:kubernetes|k8s)\.io\//;
function readExtra(
  mappings: NonNullable<Mappings['extra']>,
  root: FieldPath,
  errors: FieldError[],
): JwtConfiguration['extra'] {
  const keys = new Set<string>();
  const read: { readonly key: string; readonly expression: Expression }[] = [];
  for (const [i, { key = '', valueExpression = '' }] of mappings.entries()) {
    const at = root(i);
    errors.push(...domainPrefixedPath(key, at('key')));
    if (key !== key.toLowerCase()) errors.push(invalid(at('key'), key, 'must be lowercase'));
    if (KUBERNETES.test(key.slice(0, key.indexOf('/') + 1)))
      errors.push(
        invalid(at('key'), key, 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use'),
      );
    if (keys.has(key)) {
      errors.push(duplicate(at('key'), key));
      continue;
    }
    keys.add(key);
    if (valueExpression === '') {
      errors.push(required(at('valueExpression')));
      continue;
    }
    const made = keep(compiled(valueExpression, 'claims', false, at('valueExpression')), errors);
    if (made !== undefined) read.push({ key, expression: made });
  }
  return read;
}

/** Who goes by an address of mail has to look whether it is verified. */
function usesUnverifiedMail(
  { username, extra }: Pick<JwtConfiguration, 'username' | 'extra'>,
  claimRules: readonly Rule[],
): boolean {
  if (username === undefined || 'claim' in username) return false;
  const uses = ({ program }: Expression, field: string): boolean => selects(program.expr, 'claims', field);
  if (!uses(username.expression, 'email')) return false;
  return ![username, ...extra, ...claimRules].some(({ expression }) => uses(expression, 'email_verified'));
}
