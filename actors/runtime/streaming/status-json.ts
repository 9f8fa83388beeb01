import type { StreamStatus } from '../../../bus/protocol/node.ts';
import { goJson } from '../../../schemas/codec/go-json.ts';

/** On the channel of errors, from v4 on. Source: cri-streaming remotecommand v4WriteStatusFunc. */
export const statusJson = ({ metadata = {}, status, message, reason, details, code }: StreamStatus): string =>
  goJson({ metadata, status, ...(message && { message }), ...(reason && { reason }), ...(details && { details }), ...(code && { code }) }); // prettier-ignore

/** Before v4: only what went wrong, in words; undefined: nothing did. Source: v1WriteStatusFunc. */
export const statusText = ({ status, message = '' }: StreamStatus): string | undefined =>
  status === 'Success' ? undefined : message;
