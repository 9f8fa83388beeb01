/**
 * The tag an image reference is pulled by: `latest` when it has neither tag nor digest, `` with a digest
 * alone or when the reference does not parse. Source: pkg/util/parsers ParseImageName.
 */
function imageTag(reference: string): string {
  const parsed = parseReference(reference);
  if (parsed === undefined) {
    return '';
  }
  return parsed.tag ?? (parsed.digest === undefined ? 'latest' : '');
}
/** Source: pkg/apis/core/v1 SetDefaults_Container. */
export const defaultPullPolicy = (reference: string | undefined): 'Always' | 'IfNotPresent' =>
  imageTag(reference ?? '') === 'latest' ? 'Always' : 'IfNotPresent';

interface Reference {
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const domain = `(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const digest = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';
const referencePattern = new RegExp(
  `^(?:${domain}/)?(?<path>${component}(?:/${component})*)(?::(?<tag>\\w[\\w.-]{0,127}))?(?:@(?<digest>${digest}))?$`,
);
/** The digests go-digest knows, by the length of their hexadecimal digits. */
const digestLengths: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** Source: github.com/distribution/reference ParseNormalizedNamed. */
function parseReference(text: string): Reference | undefined {
  if (/^[a-f0-9]{64}$/.test(text)) {
    return undefined;
  }
  const full = withDomain(text);
  const groups = referencePattern.exec(full)?.groups;
  if (groups === undefined || groups.path!.length > 255 || !isDigest(groups.digest)) {
    return undefined;
  }
  return { tag: groups.tag, digest: groups.digest };
}

function withDomain(text: string): string {
  const slash = text.indexOf('/');
  const first = text.slice(0, Math.max(slash, 0));
  const named = /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first;
  if (named && first !== 'index.docker.io') {
    return text;
  }
  const rest = named ? text.slice(slash + 1) : text;
  return `docker.io/${rest.includes('/') ? '' : 'library/'}${rest}`;
}

function isDigest(text: string | undefined): boolean {
  if (text === undefined) {
    return true;
  }
  const [algorithm, encoded] = text.split(':') as [string, string];
  return digestLengths[algorithm] === encoded.length && /^[a-f0-9]+$/.test(encoded);
}
