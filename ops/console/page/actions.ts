import type { ActorAddress, ActorInfo, Breakpoint, Command, ControlState, LoginRequest } from '../protocol.ts';
import { api, openStream, Refusal } from './connection.ts';
import { actorKey, addressOf, sameActor, type Store } from './store.ts';

/** As protocol.ts has it. */
const MAX_FOLLOWED = 16;
const RETRY_MS = 2_000;

/** What a person can do here. What fails is said as a notice and throws nothing. */
export type Actions = ReturnType<typeof createActions>;
export type Act = Exclude<Command['type'], 'break' | 'unbreak'>;

export function createActions(store: Store) {
  let close: (() => void) | undefined;
  const say = (level: 'info' | 'warning', text: string): void =>
    store.hear({ type: 'notice', level, text, ts: Date.now() });
  async function attempt(what: () => Promise<unknown>): Promise<boolean> {
    try {
      await what();
      return true;
    } catch (error) {
      if (error instanceof Refusal && error.code === 401) signedOut();
      else say('warning', (error as Error).message);
      return false;
    }
  }
  function signedOut(): void {
    close?.();
    close = undefined;
    store.session = undefined;
    store.setConnection('connecting');
    store.touch('session');
  }
  /** Without charts there is nothing to see, so it does not give up while there is a session. */
  async function loadMachines(): Promise<void> {
    const ok = await attempt(async () => store.setMachines((await api.machines()).machines));
    if (!ok && store.session !== undefined) setTimeout(() => void loadMachines(), RETRY_MS);
  }
  /** The server forgets whom a stream follows when the stream ends. */
  const askToFollow = (): Promise<boolean> =>
    attempt(async () => {
      if (store.stream === undefined) return;
      const actors = store.followed?.wanted ?? [];
      await api.follow({ stream: store.stream, actors });
    });
  function begin(): void {
    close ??= openStream(
      (message) => {
        store.hear(message);
        if (message.type === 'machines') void loadMachines();
        else if (message.type === 'hello') {
          void loadMachines();
          if (store.followed !== undefined) void askToFollow();
        }
      },
      (live) => {
        if (store.connection === 'live' && !live) {
          store.setConnection('lost');
          // A session may have ended with the server that made it: its answer tells.
          void attempt(api.session);
        } else if (live) store.setConnection('live');
      },
    );
  }
  const command = (c: Command): Promise<boolean> =>
    attempt(async () => {
      const heard = store.controlsHeard.get(actorKey(c.target));
      const { control } = await api.command(c);
      if (store.controlsHeard.get(actorKey(c.target)) !== heard) return;
      const known = store.followed;
      const machine = known !== undefined && sameActor(known.actor, c.target) ? known.actor.machine : '';
      store.setControl(c.target, machine, control);
    });
  return {
    /** Takes up the session of the cookie, or signs in with the one-time code of the address. */
    async start(code: string | undefined): Promise<void> {
      if (code !== undefined) {
        const ok = await attempt(async () => {
          store.session = await api.login({ code });
        });
        if (ok) begin();
      }
      if (store.session === undefined) {
        try {
          store.session = await api.session();
          begin();
        } catch (error) {
          if (!(error instanceof Refusal) || error.code !== 401) say('warning', (error as Error).message);
        }
      }
      store.started = true;
      store.touch('session');
    },
    /** Throws Refusal: the form shows why. */
    async login(request: LoginRequest): Promise<void> {
      store.session = await api.login(request);
      begin();
      store.touch('session');
    },
    async logout(): Promise<void> {
      await attempt(api.logout);
      signedOut();
    },
    async follow(actor: ActorInfo | undefined): Promise<void> {
      store.follow(actor);
      await askToFollow();
    },
    /** Follows whoever comes by that name, for actors that live but a moment: keys of controllers, attempts to schedule. */
    async followName(machine: string, name: string): Promise<void> {
      const wanted = [...(store.homes.get(machine)?.values() ?? [])]
        .slice(0, MAX_FOLLOWED)
        .map((home) => ({ ...home, actor: name }));
      if (wanted[0] === undefined)
        return say('warning', `No component has had a ${machine} yet: follow one that is there.`);
      const control: ControlState = { mode: 'running', queued: [], queuedCount: 0, breakpoints: [] };
      store.follow({ ...wanted[0], machine, states: [], control }, wanted);
      await askToFollow();
    },
    act: (target: ActorAddress, type: Act): Promise<boolean> => command({ target: addressOf(target), type }),
    setBreakpoint: (target: ActorAddress, on: Breakpoint, set: boolean): Promise<boolean> =>
      command({ target: addressOf(target), type: set ? 'break' : 'unbreak', on }),
    say,
  };
}
