import { Readable } from 'node:stream';
import type { Bus } from '../../../bus/bus.ts';
import type { NodeAnswerHead, NodeRequest } from '../../../bus/protocol/node.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { Backend } from './backend.ts';

/** Asks who answers HTTP on a subject. The body goes along whole, as it may be as long as that of any request. */
export const overBus =
  (bus: Bus, subject: string, who: string): Backend =>
  async ({ method, target, headers, body }) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body ?? []) chunks.push(chunk as Uint8Array);
    const asked: NodeRequest = { method, target, headers, body: Buffer.concat(chunks) };
    const session = await bus.open(subject, asked);
    const frames = session.frames()[Symbol.asyncIterator]();
    const first = await frames.next();
    if (first.done === true) throw new ApiError('ServiceUnavailable', `${who} said nothing`);
    const { status, headers: given } = first.value as NodeAnswerHead;
    const rest = { [Symbol.asyncIterator]: () => frames };
    return { status, headers: given, body: Readable.from(rest), end: () => session.close() };
  };
