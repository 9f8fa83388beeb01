import type { Handler } from '../core.ts';
import { badRequest } from '../errors.ts';
import { admitConnect } from '../stages/admit-connect.ts';
import { get } from '../verbs/get.ts';
import { patch } from '../verbs/patch.ts';
import { update } from '../verbs/update.ts';
import { createVirtual } from '../verbs/virtual.ts';
import { bind } from './binding.ts';
import { evict } from './eviction.ts';
import { connect } from './connect.ts';
import { getLog } from './log.ts';
import { proxy } from './proxy.ts';
import { getScale, patchScale, updateScale } from './scale.ts';

/** Nothing here is done in the store. Source: apiserver pkg/endpoints/handlers/rest.go ConnectResource. */
const connecting =
  (handler: Handler): Handler =>
  async (core, request) => {
    if (request.query.has('dryRun')) throw badRequest('dryRun is not supported');
    await admitConnect(core, request);
    return handler(core, request);
  };
const [streamed, proxied] = [connecting(connect), connecting(proxy)];

type Handlers = Readonly<Record<string, Handler>>;
/** Other doors to the same object: what differs is what a writer may change, which the kind tells (`doors`). */
const onObject: Handlers = { get, update, patch };

const HANDLERS: Readonly<Record<string, Handlers>> = {
  status: onObject,
  ephemeralcontainers: onObject,
  resize: onObject,
  finalize: onObject,
  approval: onObject,
  scale: { get: getScale, update: updateScale, patch: patchScale },
  binding: { create: bind },
  eviction: { create: evict },
  token: { create: createVirtual },
  log: { get: getLog },
  exec: { get: streamed, create: streamed },
  attach: { get: streamed, create: streamed },
  proxy: { get: proxied, create: proxied, update: proxied, patch: proxied, delete: proxied },
  portforward: { get: streamed, create: streamed },
};
export const subresourceHandlers = (name: string): Handlers | undefined =>
  Object.hasOwn(HANDLERS, name) ? HANDLERS[name] : undefined;
