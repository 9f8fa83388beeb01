/** Source: kubelet.config.k8s.io ImagePullCredentialsVerificationPolicy. */
export const POLICIES = ['NeverVerify', 'NeverVerifyPreloadedImages', 'NeverVerifyAllowlistedImages', 'AlwaysVerify'] as const; // prettier-ignore
export type VerificationPolicy = (typeof POLICIES)[number];
export const DEFAULT_POLICY: VerificationPolicy = 'NeverVerifyPreloadedImages';

/** Whether who wants an image that is there must show that it may have it. `pulled`: a kubelet of this node pulled it. */
export type Verification = (image: string, pulled: boolean) => boolean;

/** `allowed`: names without tag, or what they begin with and `/*`. Source: images/pullmanager image_pull_policies.go. */
export function verification(policy: VerificationPolicy, allowed: readonly string[] = []): Verification {
  if (policy === 'NeverVerify') return () => false;
  if (policy === 'AlwaysVerify') return () => true;
  if (policy === 'NeverVerifyPreloadedImages') return (_image, pulled) => pulled;
  const prefixes = allowed.filter((pattern) => pattern.endsWith('/*')).map((pattern) => pattern.slice(0, -1));
  return (image) => {
    const name = repositoryOf(image);
    return !allowed.includes(name) && !prefixes.some((prefix) => name.startsWith(prefix));
  };
}
/** What is wrong with a pattern, in Kubernetes' words. Source: images/pullmanager getAllowlistImagePattern. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern !== pattern.trim()) return `leading/trailing spaces are not allowed: ${pattern}`;
  const isPrefix = pattern.endsWith('/*');
  const rest = isPrefix ? pattern.slice(0, -1) : pattern;
  if (rest === '') return `the supplied pattern is too short: ${pattern}`;
  if (rest.includes('*')) return `not a valid wildcard pattern, only patterns ending with '/*' are allowed: ${pattern}`;
  if (isPrefix) return rest.length === 1 ? 'at least registry hostname is required' : undefined;
  if (!/^[a-zA-Z0-9.\-_/:@[\]]+$/.test(rest)) return 'failed to parse as an image name: invalid reference format';
  if (repositoryOf(rest) !== rest) return `neither tag nor digest is accepted in an image reference: ${pattern}`;
  return undefined;
}
/** Without tag and digest. */
export function repositoryOf(image: string): string {
  const [name = ''] = image.split('@', 1);
  const slash = name.lastIndexOf('/');
  const colon = name.indexOf(':', slash + 1);
  return colon < 0 ? name : name.slice(0, colon);
}
