import type {
  ActorPage,
  ActorQuery,
  Command,
  CommandResult,
  FollowRequest,
  LoginRequest,
  MachineList,
  ServerMessage,
  SessionInfo,
} from '../protocol.ts';

/** What the server refused, in its own words. */
export class Refusal extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        accept: 'application/json',
        ...(method === 'GET' ? {} : { 'kubus-console': '1' }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new Refusal(0, 'The inspector cannot be reached. Does `kubus inspect` still run?');
  }
  const text = await response.text();
  const parsed: unknown = text === '' ? undefined : safely(text);
  if (!response.ok) {
    const said = (parsed as { message?: unknown } | undefined)?.message;
    throw new Refusal(response.status, typeof said === 'string' ? said : `The inspector answered ${response.status}`);
  }
  return parsed as T;
}
const safely = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
/** The requests of protocol.ts. Each throws Refusal. */
export const api = {
  session: () => call<SessionInfo>('GET', 'api/session'),
  login: (request: LoginRequest) => call<SessionInfo>('POST', 'api/login', request),
  logout: () => call<void>('POST', 'api/logout'),
  machines: () => call<MachineList>('GET', 'api/machines'),
  follow: (request: FollowRequest) => call<void>('PUT', 'api/follow', request),
  command: (command: Command) => call<CommandResult>('POST', 'api/commands', command),
  actors: (query: ActorQuery, signal?: AbortSignal) => {
    const pairs = Object.entries(query)
      .filter(([, v]) => v !== undefined && v !== '')
      .map(([k, v]) => [k, String(v)]);
    return call<ActorPage>('GET', `api/actors?${new URLSearchParams(pairs)}`, undefined, signal);
  },
};

/** Hears the stream until closed; after a break EventSource comes back by itself and the stream begins anew with hello. */
export function openStream(hear: (message: ServerMessage) => void, changed: (live: boolean) => void): () => void {
  let source: EventSource | undefined;
  let again: ReturnType<typeof setTimeout> | undefined;
  const open = (): void => {
    source = new EventSource('api/stream');
    source.addEventListener('message', (event) => {
      const message = safely(event.data as string) as ServerMessage | undefined;
      if (typeof message?.type === 'string') hear(message);
    });
    source.addEventListener('open', () => changed(true));
    source.addEventListener('error', () => {
      changed(false);
      // EventSource gives up for good when it is answered with an error, as by a server that starts.
      if (source?.readyState === EventSource.CLOSED) again = setTimeout(open, 1000);
    });
  };
  open();
  return () => {
    clearTimeout(again);
    source?.close();
  };
}
