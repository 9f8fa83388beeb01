import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks';
import type { ActorInfo, ActorQuery } from '../../protocol.ts';
import { ActorPages } from '../actor-pages.ts';
import { statesText } from '../chart/model.ts';
import { api } from '../connection.ts';
import { usePage } from '../context.ts';
import { actorKey, sameActor, type Store } from '../store.ts';
import { ModeTag } from './mode.tsx';
import { nextIndex } from './roving.ts';

/** Height of a row in pixels, as in the style sheet. */
const ROW = 44;
const BEYOND = 6;
const REFRESH_MS = 1_000;

interface ActorsProps {
  readonly machine: string;
  readonly state: string | undefined;
  /** How many there are, as far as counts tell. */
  readonly total: number;
  readonly clearState: () => void;
}
/** The actors of a chart or of one of its states: search, scroll, pick one to follow. */
export function Actors({ machine, state, total, clearState }: ActorsProps) {
  const { store, actions } = usePage('followed', 'control');
  const [text, setText] = useState('');
  const [held, setHeld] = useState(false);
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const wanted = useDelayed(text, 200);
  const pages = useMemo(() => {
    const query: ActorQuery = {
      machine,
      ...(state === undefined ? {} : { state }),
      ...(wanted === '' ? {} : { text: wanted }),
      ...(held ? { held } : {}),
    };
    return new ActorPages(api.actors, query, () => redraw(undefined));
  }, [machine, state, wanted, held]);
  const list = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, height: 400 });
  const [active, setActive] = useState(0);
  const first = Math.floor(view.top / ROW);
  const last = Math.ceil((view.top + view.height) / ROW);
  const rows = useRef({ first, last });
  rows.current = { first, last };
  useEffect(() => {
    setActive(0);
    list.current?.scrollTo({ top: 0 });
    void pages.loadMore();
    return () => pages.close();
  }, [pages]);
  useEffect(() => {
    const element = list.current!;
    const look = (): void => setView({ top: element.scrollTop, height: element.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    element.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', look);
    };
  }, []);
  // What is looked at is asked for again while its counts change, a page or two, once a second.
  useEffect(() => {
    let due = false;
    const end = store.subscribe('counts', () => {
      due = true;
    });
    const timer = setInterval(() => {
      if (!due || document.visibilityState === 'hidden') return;
      due = false;
      if (pages.started) void pages.refresh(rows.current.first, rows.current.last);
      else void pages.loadMore();
    }, REFRESH_MS);
    return () => {
      end();
      clearInterval(timer);
    };
  }, [pages]);
  const actors = pages.actors;
  useEffect(() => {
    if (last + 20 > actors.length && pages.more && pages.started && pages.problem === undefined) void pages.loadMore();
  });
  const pick = (actor: ActorInfo | undefined): void => void (actor && actions.follow(actor));
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      pick(actors[active]);
      return;
    }
    const next = nextIndex(event.key, active, actors.length, Math.max(1, Math.floor(view.height / ROW) - 1));
    if (next === undefined) return;
    event.preventDefault();
    setActive(next);
    const element = list.current!;
    if (next * ROW < element.scrollTop) element.scrollTop = next * ROW;
    else if ((next + 1) * ROW > element.scrollTop + element.clientHeight)
      element.scrollTop = (next + 1) * ROW - element.clientHeight;
  };
  const from = Math.max(0, first - BEYOND);
  const to = Math.min(actors.length, last + BEYOND);
  const shown = actors.slice(from, to).map((actor, i) => ({ actor, index: from + i }));
  // The row that has the focus must exist, wherever one scrolls.
  if (actors[active] !== undefined && (active < from || active >= to))
    shown.push({ actor: actors[active], index: active });
  const filtered = wanted !== '' || held;
  const known = filtered ? (pages.more ? undefined : actors.length) : Math.max(total, actors.length);
  return (
    <section class="panel actors" aria-labelledby="actors-title">
      <div class="panel-head">
        <h2 id="actors-title">Actors</h2>
        <span class="quiet" role="status">
          {summary(actors.length, known, pages)}
        </span>
      </div>
      <div class="filters">
        <input
          type="search"
          placeholder="Search by name"
          aria-label="Search actors by name"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          spellcheck={false}
        />
        <label class="check">
          <input type="checkbox" checked={held} onChange={(event) => setHeld(event.currentTarget.checked)} />
          Held only
        </label>
        {state !== undefined && (
          <button type="button" class="chip" onClick={clearState} aria-label={`In ${state}: show all states`}>
            in {state} <span aria-hidden="true">×</span>
          </button>
        )}
      </div>
      {pages.started && actors.length === 0 && pages.problem === undefined && (
        <div class="empty">
          <p>
            {filtered
              ? 'No actor fits the search.'
              : `No actor is ${state === undefined ? 'here' : `in ${state}`} now.`}
          </p>
          {wanted !== '' && !held && (
            <button type="button" class="button" onClick={() => void actions.followName(machine, wanted.trim())}>
              Follow {wanted.trim()} when it comes
            </button>
          )}
        </div>
      )}
      <div
        class="list"
        ref={list}
        role="listbox"
        aria-label={`Actors of ${machine}${state === undefined ? '' : ` in ${state}`}`}
        tabindex={0}
        aria-activedescendant={actors[active] === undefined ? undefined : `actor-${active}`}
        onKeyDown={onKeyDown}
      >
        <div class="list-room" role="presentation" style={{ height: `${actors.length * ROW}px` }}>
          {shown.map(({ actor, index }) => (
            <Row
              key={actorKey(actor)}
              actor={actor}
              store={store}
              index={index}
              setSize={known ?? -1}
              active={index === active}
              onPick={() => {
                setActive(index);
                pick(actor);
              }}
            />
          ))}
        </div>
      </div>
    </section>
  );
}
function Row(p: {
  readonly actor: ActorInfo;
  readonly store: Store;
  readonly index: number;
  readonly setSize: number;
  readonly active: boolean;
  readonly onPick: () => void;
}) {
  const { followed, held } = p.store;
  const chosen = followed !== undefined && sameActor(followed.actor, p.actor);
  const control = held.get(actorKey(p.actor))?.control ?? p.actor.control;
  return (
    // The list has the focus and the keys; a row is only pointed at.
    <div
      id={`actor-${p.index}`}
      class={`row ${p.active ? 'row-active' : ''}`}
      role="option"
      aria-selected={chosen}
      aria-setsize={p.setSize}
      aria-posinset={p.index + 1}
      style={{ transform: `translateY(${p.index * ROW}px)` }}
      onClick={p.onPick}
    >
      <span class="row-name" title={p.actor.actor}>
        {p.actor.actor}
      </span>
      <ModeTag control={control} />
      <span class="row-where quiet" title={p.actor.id}>
        {p.actor.id}
      </span>
      <span class="row-state">{statesText(chosen && !followed.over ? followed.actor.states : p.actor.states)}</span>
    </div>
  );
}
function summary(loaded: number, known: number | undefined, pages: ActorPages): string {
  if (pages.problem !== undefined) return pages.problem;
  if (!pages.started) return 'Loading…';
  if (known === undefined) return `${loaded.toLocaleString('en')} and more`;
  return known === 0 ? 'None' : known.toLocaleString('en');
}
/** The value as it was when it last rested. */
function useDelayed(value: string, ms: number): string {
  const [late, set] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => set(value), ms);
    return () => clearTimeout(timer);
  }, [value]);
  return late;
}
