import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { World } from '../../bus/world.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { breakpointOf } from '../../actors/runtime/inspection-requests.ts';
import { identityOfCertificate, unauthorized, type Authority, type Identity } from './authority.ts';
import { checkOrigin, cookieOf, readJson, sendJson, sendNothing } from './http.ts';
import { noSuchStream, type Hub } from './hub.ts';
import type { Logins } from './logins.ts';
import { actorQueryOf } from './paging.ts';
import type { ActorAddress, Command, MachineInfo, MachineList, SessionInfo } from './protocol.ts';
import { openStream, type PageStream } from './stream.ts';

export interface ApiOptions {
  readonly world: World;
  readonly hub: Hub;
  readonly logins: Logins;
  readonly authority: Authority;
  readonly cluster: string;
  /** Of who logs in by a code. */
  readonly owner: string;
  /** The product's charts. */
  readonly machines: () => Promise<readonly MachineInfo[]>;
  /** Tells apart the cookies of several consoles on one machine. */
  readonly cookie: () => string;
}
type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void> | void;
const MAX_STREAMS = 64;
const MAX_FOLLOWED = 16;

/** The page's API, see protocol.ts. Handlers reject with ApiError. */
export function createApi(
  o: ApiOptions,
): (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void> {
  const streams = new Map<string, PageStream>();
  const sessionOf = (identity: Identity): SessionInfo => ({ ...identity, cluster: o.cluster });
  const identify = async (request: IncomingMessage): Promise<Identity> => {
    const name = cookieOf(request, o.cookie());
    if (name !== undefined) return o.logins.recognize(name);
    const [scheme, token] = (request.headers.authorization ?? '').split(' ', 2);
    if (scheme?.toLowerCase() === 'bearer' && token) return o.authority.ofToken(token);
    const socket = request.socket as TLSSocket;
    if (socket.authorized) return identityOfCertificate(socket.getPeerCertificate());
    throw unauthorized();
  };
  const setCookie = (response: ServerResponse, value: string, seconds?: number): void => {
    const age = seconds === undefined ? '' : `; Max-Age=${seconds}`;
    response.setHeader('set-cookie', `${o.cookie()}=${value}; Path=/; Secure; HttpOnly; SameSite=Strict${age}`);
  };

  const routes: Readonly<Record<string, Handler>> = {
    'POST /api/login': async (request, response) => {
      const { code, token } = ((await readJson(request)) ?? {}) as { code?: unknown; token?: unknown };
      let identity: Identity;
      let check: (() => Promise<Identity>) | undefined;
      if (typeof code === 'string') {
        o.logins.redeem(code);
        identity = { user: o.owner, canControl: true };
      } else if (typeof token === 'string') {
        check = () => o.authority.ofToken(token.trim());
        identity = await check();
      } else throw new ApiError('BadRequest', 'a login brings a code or a token');
      setCookie(response, o.logins.begin(identity, check));
      sendJson(response, sessionOf(identity));
    },
    'GET /api/session': async (request, response) => sendJson(response, sessionOf(await identify(request))),
    'POST /api/logout': (request, response) => {
      const name = cookieOf(request, o.cookie());
      if (name !== undefined) o.logins.end(name);
      setCookie(response, '', 0);
      sendNothing(response);
    },
    'GET /api/machines': async (request, response) => {
      await identify(request);
      const machines = [...(await o.machines()), ...o.hub.programs.machines()];
      sendJson(response, { machines } satisfies MachineList);
    },
    'GET /api/actors': async (request, response, url) => {
      await identify(request);
      sendJson(response, await o.hub.list(actorQueryOf(url.searchParams)));
    },
    'GET /api/stream': async (request, response) => {
      const identity = await identify(request);
      if (streams.size >= MAX_STREAMS)
        throw new ApiError('TooManyRequests', `there are ${MAX_STREAMS} streams already: close some pages`);
      const name = o.world.ids.token();
      const session = sessionOf(identity);
      const onClose = (): void => void streams.delete(name);
      streams.set(name, openStream({ hub: o.hub, world: o.world, name, session, request, response, onClose }));
    },
    'PUT /api/follow': async (request, response) => {
      await identify(request);
      const { stream, actors } = ((await readJson(request)) ?? {}) as { stream?: unknown; actors?: unknown };
      if (!Array.isArray(actors) || actors.length > MAX_FOLLOWED)
        throw new ApiError('BadRequest', `actors must be a list of at most ${MAX_FOLLOWED} addresses`);
      const addresses = actors.map(addressOf);
      const page = streams.get(String(stream));
      if (page === undefined) throw noSuchStream();
      page.follow(addresses);
      sendNothing(response);
    },
    'POST /api/commands': async (request, response) => {
      const { user, canControl } = await identify(request);
      const command = commandOf(await readJson(request));
      if (!canControl)
        throw new ApiError(
          'Forbidden',
          `${user} may look but not control: it takes a role with verb "update" on nonResourceURLs "/inspect"`,
        );
      o.world.log.info('command', { user, command: command.type, target: command.target });
      sendJson(response, await o.hub.command(command));
    },
  };
  const paths = new Set(Object.keys(routes).map((route) => route.split(' ')[1]));
  return async (request, response, url) => {
    checkOrigin(request);
    const handler = routes[`${request.method} ${url.pathname}`];
    if (handler !== undefined) return handler(request, response, url);
    if (paths.has(url.pathname))
      throw new ApiError('MethodNotAllowed', `${request.method} is not possible on ${url.pathname}`);
    throw new ApiError('NotFound', `there is nothing at ${url.pathname}`);
  };
}

const text = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= 512;
function addressOf(value: unknown): ActorAddress {
  const { component, id, actor } = (value ?? {}) as Record<string, unknown>;
  if (!text(component) || !text(id) || !text(actor))
    throw new ApiError('BadRequest', 'an actor is named by component, id and actor');
  return { component, id, actor };
}
function commandOf(body: unknown): Command {
  const { type, target, on } = (body ?? {}) as Record<string, unknown>;
  const address = addressOf(target);
  switch (type) {
    case 'pause':
    case 'step':
    case 'resume':
    case 'crash':
      return { type, target: address };
    case 'break':
    case 'unbreak': {
      const breakpoint = breakpointOf(on);
      if (breakpoint === undefined) throw new ApiError('BadRequest', 'a breakpoint names a state or an event');
      return { type, target: address, on: breakpoint };
    }
    default:
      throw new ApiError('BadRequest', 'type must be pause, step, resume, crash, break or unbreak');
  }
}
