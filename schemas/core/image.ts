/** The tag an image reference is pulled by: `latest` when it has neither tag nor digest, `` with a digest alone. */
export function imageTag(reference: string): string {
  const [named, digest] = reference.split('@');
  const tag = /:([\w][\w.-]{0,127})$/.exec(named!)?.[1];
  return tag ?? (digest === undefined ? 'latest' : '');
}
/** Source: pkg/apis/core/v1 SetDefaults_Container. */
export const defaultPullPolicy = (reference: string | undefined): 'Always' | 'IfNotPresent' =>
  imageTag(reference ?? '') === 'latest' && isReference(reference ?? '') ? 'Always' : 'IfNotPresent';
/** What does not parse as a reference has no tag. */
const isReference = (reference: string): boolean =>
  /^(?:[\w.-]+(?::\d+)?\/|\[[0-9a-fA-F:]+\](?::\d+)?\/)?[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*(?::[\w][\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$/.test(
    reference,
  );
