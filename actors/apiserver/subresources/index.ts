import type { Handler } from '../core.ts';
import { get } from '../verbs/get.ts';
import { patch } from '../verbs/patch.ts';
import { update } from '../verbs/update.ts';

type Handlers = Readonly<Record<string, Handler>>;
/** `status` and those that are only another door to the object: what differs is what a writer may change. */
const onObject: Handlers = { get, update, patch };

const HANDLERS: Readonly<Record<string, Handlers>> = {
  status: onObject,
};
export const subresourceHandlers = (name: string): Handlers | undefined =>
  Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined;
