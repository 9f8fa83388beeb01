import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../../../schemas/codec/yaml.ts';
import { assertSameAnonymous, readAuthenticationConfiguration, type AuthenticationConfiguration } from './index.ts';

const OWN = 'https://kubernetes.default.svc.cluster.local';
const read = async (text: string): Promise<AuthenticationConfiguration> => {
  const { value, duplicates } = await parseYaml(text);
  return readAuthenticationConfiguration({ value, text, duplicates }, [OWN]);
};
const problem = async (text: string): Promise<string | undefined> => {
  try {
    await read(text);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace('invalid authentication configuration: ', '');
  }
};
const of = (more: object): string =>
  JSON.stringify({ apiVersion: 'apiserver.config.k8s.io/v1', kind: 'AuthenticationConfiguration', ...more });
const jwt = (more: object = {}, issuer: object = {}): object => ({
  issuer: { url: 'https://i.example', audiences: ['a'], ...issuer },
  claimMappings: { username: { claim: 'sub', prefix: '' } },
  ...more,
});
const issuer = (more: object): string => of({ jwt: [jwt({}, more)] });
const rules = (...claimValidationRules: object[]): string => of({ jwt: [jwt({ claimValidationRules })] });
const users = (...userValidationRules: object[]): string => of({ jwt: [jwt({ userValidationRules })] });
const map = (more: object): string =>
  of({ jwt: [jwt({ claimMappings: { username: { claim: 'sub', prefix: '' }, ...more } })] });
const extra = (...list: object[]): string => map({ extra: list });
const SUBDOMAIN = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"; // prettier-ignore
const VERIFIED = 'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression'; // prettier-ignore

describe('an AuthenticationConfiguration', () => {
  // The texts are those of kube-apiserver v1.36.3, which read the same files.
  it.each<[text: string, problem: string]>([
    ['kind: AuthenticationConfiguration', "Object 'apiVersion' is missing in 'kind: AuthenticationConfiguration'"],
    [of({ apiVersion: 'apiserver.config.k8s.io/v1alpha2' }), 'no kind "AuthenticationConfiguration" is registered for version "apiserver.config.k8s.io/v1alpha2" in scheme "pkg/runtime/scheme.go:111"'],
    [of({ foo: 1 }), 'strict decoding error: unknown field "foo"'],
    [of({ apiVersion: 'apiserver.config.k8s.io/v1beta1', JWT: [] }), 'strict decoding error: unknown field "JWT"'],
    [of({ jwt: [jwt({ claimMapping: {} }, { x: 1 })] }), 'strict decoding error: unknown field "jwt[0].issuer.x", unknown field "jwt[0].claimMapping"'],
    ['apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: []\njwt: []\n', 'strict decoding error: yaml: unmarshal errors:\n  line 4: key "jwt" already set in map'],
    [of({ jwt: 'x' }), 'json: cannot unmarshal string into Go struct field AuthenticationConfiguration.jwt of type []v1.JWTAuthenticator'],
    [issuer({ url: 5 }), 'json: cannot unmarshal number into Go struct field Issuer.jwt.issuer.url of type string'],
    [of({ anonymous: { enabled: 'yes' } }), 'json: cannot unmarshal string into Go struct field AnonymousAuthConfig.anonymous.enabled of type bool'],
    [of({ jwt: [{}] }), '[jwt[0].issuer.url: Required value, jwt[0].issuer.audiences: Required value: at least one jwt[0].issuer.audiences is required, jwt[0].claimMappings.username: Required value: claim or expression is required]'],
    [issuer({ url: 'http://i.example' }), 'jwt[0].issuer.url: Invalid value: "http://i.example": URL scheme must be https'],
    [issuer({ url: 'https://u:p@i.example' }), 'jwt[0].issuer.url: Invalid value: "https://u:p@i.example": URL must not contain a username or password'],
    [issuer({ url: 'https://i.example?x=y' }), 'jwt[0].issuer.url: Invalid value: "https://i.example?x=y": URL must not contain a query'],
    [issuer({ url: 'https://i.example#f' }), 'jwt[0].issuer.url: Invalid value: "https://i.example#f": URL must not contain a fragment'],
    [issuer({ url: '://x' }), 'jwt[0].issuer.url: Invalid value: "://x": parse "://x": missing protocol scheme'],
    [issuer({ url: OWN }), `jwt[0].issuer.url: Invalid value: "${OWN}": URL must not overlap with disallowed issuers: [${OWN}]`],
    [issuer({ discoveryURL: 'https://i.example/' }), 'jwt[0].issuer.discoveryURL: Invalid value: "https://i.example/": discoveryURL must be different from URL'],
    [of({ jwt: [jwt({}, { discoveryURL: 'https://d' }), jwt({}, { discoveryURL: 'https://d' })] }), '[jwt[1].issuer.url: Duplicate value: "https://i.example", jwt[1].issuer.discoveryURL: Duplicate value: "https://d"]'],
    [issuer({ audiences: ['', ''] }), '[jwt[0].issuer.audiences[0]: Required value, jwt[0].issuer.audiences[1]: Required value, jwt[0].issuer.audiences[1]: Duplicate value: "", jwt[0].issuer.audienceMatchPolicy: Invalid value: "": audienceMatchPolicy must be MatchAny for multiple audiences]'],
    [issuer({ audienceMatchPolicy: 'MatchAll' }), 'jwt[0].issuer.audienceMatchPolicy: Invalid value: "MatchAll": audienceMatchPolicy must be empty or MatchAny for single audience'],
    [issuer({ certificateAuthority: 'nope' }), 'jwt[0].issuer.certificateAuthority: Invalid value: "<omitted>": data does not contain any valid RSA or ECDSA certificates'],
    [issuer({ egressSelectorType: 'x' }), 'jwt[0].issuer.egressSelectorType: Invalid value: "x": egress selector must be either controlplane or cluster'],
    [issuer({ egressSelectorType: 'cluster' }), 'jwt[0].issuer.egressSelectorType: Invalid value: "cluster": oidc: egress lookup required with egress selector type "cluster"'],
    [rules({ claim: 'a', expression: 'true' }), 'jwt[0].claimValidationRules[0]: Invalid value: "a": claim and expression can\'t both be set'],
    [rules({}), 'jwt[0].claimValidationRules[0]: Required value: claim or expression is required'],
    [rules({ claim: 'a', message: 'm' }, { claim: 'a' }), '[jwt[0].claimValidationRules[0].message: Invalid value: "m": may not be specified when claim is set, jwt[0].claimValidationRules[1].claim: Duplicate value: "a"]'],
    [rules({ expression: 'true', requiredValue: 'x' }, { expression: 'true' }), '[jwt[0].claimValidationRules[0].requiredValue: Invalid value: "x": may not be specified when expression is set, jwt[0].claimValidationRules[1].expression: Duplicate value: "true"]'],
    [rules({ expression: 'claims.x' }), 'jwt[0].claimValidationRules[0].expression: Invalid value: "claims.x": must evaluate to bool'],
    [rules({ expression: 'user.name == "x"' }), 'jwt[0].claimValidationRules[0].expression: Invalid value: "user.name == \\"x\\"": compilation failed: ERROR: <input>:1:1: undeclared reference to \'user\' (in container \'\')\n | user.name == "x"\n | ^'],
    [users({}), 'jwt[0].userValidationRules[0].expression: Required value'],
    [users({ expression: 'true' }, { expression: 'true' }), 'jwt[0].userValidationRules[1].expression: Duplicate value: "true"'],
    [users({ expression: 'user.nme == "x"' }), 'jwt[0].userValidationRules[0].expression: Invalid value: "user.nme == \\"x\\"": compilation failed: ERROR: <input>:1:5: undefined field \'nme\'\n | user.nme == "x"\n | ....^'],
    [map({ username: {} }), 'jwt[0].claimMappings.username: Required value: claim or expression is required'],
    [map({ username: { claim: 'a', expression: 'b', prefix: '' } }), 'jwt[0].claimMappings.username: Invalid value: "": claim and expression can\'t both be set'],
    [map({ username: { claim: 'a' } }), 'jwt[0].claimMappings.username.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing'],
    [map({ username: { expression: 'claims.a', prefix: 'x' } }), 'jwt[0].claimMappings.username.prefix: Invalid value: "x": may not be specified when expression is set'],
    [map({ uid: { claim: 'a', expression: 'b' } }), 'jwt[0].claimMappings.uid: Invalid value: "": claim and expression can\'t both be set'],
    [map({ uid: { claim: 'a', prefix: 'b' } }), 'strict decoding error: unknown field "jwt[0].claimMappings.uid.prefix"'],
    [map({ username: { expression: 'claims.email' } }), `jwt[0].claimMappings.username.expression: Invalid value: "claims.email": ${VERIFIED}`],
    [map({ username: { expression: 'claims.?email.orValue("x")' } }), `jwt[0].claimMappings.username.expression: Invalid value: "claims.?email.orValue(\\"x\\")": ${VERIFIED}`],
    [map({ username: { expression: 'claims.email' }, groups: { expression: 'claims.email_verified ? [] : []' } }), `jwt[0].claimMappings.username.expression: Invalid value: "claims.email": ${VERIFIED}`],
    [extra({ valueExpression: '""' }, { key: 'foo', valueExpression: '""' }), '[jwt[0].claimMappings.extra[0].key: Required value, jwt[0].claimMappings.extra[1].key: Invalid value: "foo": must be a domain-prefixed path (such as "acme.io/foo")]'],
    [extra({ key: 'Example.com/Foo', valueExpression: '""' }), `[jwt[0].claimMappings.extra[0].key: Invalid value: "Example.com": ${SUBDOMAIN}, jwt[0].claimMappings.extra[0].key: Invalid value: "Example.com/Foo": must be lowercase]`],
    [extra({ key: 'x.k8s.io/foo', valueExpression: '""' }), 'jwt[0].claimMappings.extra[0].key: Invalid value: "x.k8s.io/foo": k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use'],
    [extra({ key: 'a.b/c', valueExpression: '""' }, { key: 'a.b/c' }), 'jwt[0].claimMappings.extra[1].key: Duplicate value: "a.b/c"'],
    [extra({ key: 'a.b/c' }), 'jwt[0].claimMappings.extra[0].valueExpression: Required value'],
    [of({ anonymous: { enabled: false, conditions: [{ path: '/x' }] } }), 'anonymous.conditions: Invalid value: [{"Path":"/x"}]: enabled should be set to true when conditions are defined'],
    [of({ jwt: Array.from({ length: 65 }, () => jwt()) }), 'jwt: Too many: 65: must have at most 64 items'],
  ])('%#: is wrong', async (text, wanted) => {
    expect(await problem(text)).toBe(wanted);
  }); // prettier-ignore
  it.each([
    of({}),
    of({ apiVersion: 'apiserver.config.k8s.io/v1alpha1', jwt: [jwt()] }),
    rules({ expression: 'claims.x || claims.y' }),
    map({ username: { expression: 'claims.email_verified ? claims.email : ""' } }),
    map({ username: { expression: 'claims["email"] + ""' } }),
    map({ username: { expression: 'claims.email' }, extra: [{ key: 'a.b/c', valueExpression: 'string(claims.email_verified)' }] }),
  ])('%#: is good', async (text) => {
    expect(await problem(text)).toBeUndefined();
  }); // prettier-ignore
  it('says for which paths anybody is somebody, and for good', async () => {
    const some = await read(of({ anonymous: { enabled: true, conditions: [{ path: '/livez' }] } }));
    expect(some.anonymous).toEqual({ enabled: true, paths: new Set(['/livez']) });
    expect((await read(of({}))).anonymous).toBeUndefined();
    expect(() => assertSameAnonymous(some, some)).not.toThrow();
    const all = await read(of({ anonymous: { enabled: true } }));
    expect(() => assertSameAnonymous(some, all)).toThrow(
      'anonymous: Forbidden: changed from initial configuration file',
    );
  });
});
