/** The annotation with which a definition in a group of the Kubernetes project says where it was approved. */
export const APPROVED = 'api-approved.kubernetes.io';
const PAGE = 'https://github.com/kubernetes/enhancements/pull/1111';

export interface Approval {
  readonly status: 'True' | 'False';
  readonly reason: 'MissingAnnotation' | 'UnapprovedAnnotation' | 'ApprovedAnnotation' | 'InvalidAnnotation';
  readonly message: string;
}
/** What `note` comes to; undefined for groups of others. Source: apiextensions-apiserver pkg/apihelpers GetAPIApprovalState. */
export function approval(group: string, note: string): Approval | undefined {
  if (!/(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group)) return undefined;
  const wanted = `protected groups must have approval annotation ${JSON.stringify(APPROVED)}`;
  if (note === '') return { status: 'False', reason: 'MissingAnnotation', message: `${wanted}, see ${PAGE}` };
  if (note.startsWith('unapproved'))
    return { status: 'False', reason: 'UnapprovedAnnotation', message: `not approved: ${JSON.stringify(note)}` };
  if (URL.canParse(note) && new URL(note).host !== '')
    return { status: 'True', reason: 'ApprovedAnnotation', message: `approved in ${note}` };
  const why = `${wanted} with either a URL or a reason starting with "unapproved", see ${PAGE}`;
  return { status: 'False', reason: 'InvalidAnnotation', message: why };
}
