import { Agent, get } from 'node:https';
import { connect } from 'node:net';

/** `1.2.3.4:6443`, `::1:6443`. */
export const hostAndPort = (address: string): { readonly host: string; readonly port: number } => {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) };
};

/** `unready` answers and says that it should get no new connections; `dead` does not answer. */
export type ProbeState = 'unknown' | 'ready' | 'unready' | 'dead';
export interface Probe {
  state(): ProbeState;
  /** Somebody could not connect: asks at once. */
  doubt(): void;
  stop(): void;
}
/** A busy machine is not a dead one: its clients' watches would all have to begin anew. */
const PATIENCE_MS = 2_000;
/** One lost answer may be the network's fault. */
const DEAD_AFTER = 2;

/** Asks one API server again and again whether it is ready. */
export function createProbe(options: {
  readonly address: string;
  readonly ca: string | undefined;
  readonly intervalMs: number;
  readonly onState: (state: ProbeState) => void;
}): Probe {
  const { address, ca, intervalMs, onState } = options;
  // One connection, kept: a handshake a second would cost the API server more than the question.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let state: ProbeState = 'unknown';
  let failures = 0;
  let asking = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const become = (next: ProbeState): void => {
    if (next === state || stopped) return;
    state = next;
    onState(next);
  };
  const ask = async (): Promise<void> => {
    if (asking || stopped) return;
    clearTimeout(timer);
    asking = true;
    const answer = await (ca === undefined ? accepts(address) : readyz(address, ca, agent));
    asking = false;
    if (stopped) return;
    failures = answer === 'dead' ? failures + 1 : 0;
    // Refused or silent: nobody new goes there at once; who is connected gets the benefit of the doubt once.
    become(answer === 'dead' && failures < DEAD_AFTER && state !== 'unknown' ? 'unready' : answer);
    timer = setTimeout(() => void ask(), intervalMs);
  };
  void ask();
  return {
    state: () => state,
    doubt: () => {
      if (state === 'ready') become('unready');
      void ask();
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      agent.destroy();
    },
  };
}
type Answer = 'ready' | 'unready' | 'dead';

function readyz(address: string, ca: string, agent: Agent): Promise<Answer> {
  return new Promise((resolve) => {
    // All API servers share a certificate of one name, whatever their addresses.
    const request = get({
      ...hostAndPort(address),
      path: '/readyz',
      agent,
      ca,
      servername: 'kubernetes',
      timeout: PATIENCE_MS,
    });
    request.once('response', (response) => {
      response.resume();
      // Who lets nobody in without credentials does not tell, but answers.
      const isReady = response.statusCode === 200 || response.statusCode === 401;
      response.once('close', () => resolve(isReady ? 'ready' : 'unready'));
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve('dead'));
  });
}
function accepts(address: string): Promise<Answer> {
  return new Promise((resolve) => {
    const socket = connect({ ...hostAndPort(address), timeout: PATIENCE_MS });
    socket.once('connect', () => resolve('ready'));
    for (const event of ['error', 'timeout'] as const) socket.once(event, () => resolve('dead'));
    socket.once('connect', () => socket.destroy());
    socket.once('timeout', () => socket.destroy());
  });
}
