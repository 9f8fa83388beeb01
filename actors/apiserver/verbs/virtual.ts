import type { Answer, Core, ResourceRequest } from '../core.ts';
import type { VirtualCreate } from '../request.ts';
import { decodeObject } from '../stages/decode.ts';

/** Reviews and tokens: made for the answer, stored nowhere. */
export async function answerVirtual(core: Core, request: ResourceRequest, make: VirtualCreate): Promise<Answer> {
  const object = await decodeObject(core, request);
  return { type: 'object', code: 201, object: await make(request, object), resource: request.resource };
}
