import { useRef, useState } from 'preact/hooks';
import { eventText, statesText } from '../chart/model.ts';
import { usePage } from '../context.ts';
import type { Act } from '../actions.ts';
import type { Followed } from '../store.ts';
import { Breakpoints } from './breakpoints.tsx';
import { ModeTag } from './mode.tsx';
import { Steps } from './steps.tsx';

/** One actor: where it is, what it heard and did, and the hands on it. */
export function Follow() {
  const { store, actions } = usePage('followed', 'machines', 'session');
  const { followed } = store;
  if (followed === undefined)
    return (
      <section class="panel follow" aria-labelledby="follow-title">
        <div class="panel-head">
          <h2 id="follow-title">Followed actor</h2>
        </div>
        <p class="empty">Pick an actor from the list to see its transitions, and to pause or step it.</p>
      </section>
    );
  const { actor } = followed;
  const chart = store.charts.get(actor.machine);
  return (
    <section class="panel follow" aria-labelledby="follow-title">
      <div class="panel-head">
        <h2 id="follow-title">Followed actor</h2>
        <button type="button" class="button" onClick={() => void actions.follow(undefined)}>
          Stop following
        </button>
      </div>
      <div class="follow-body">
        <p class="follow-name">{actor.actor}</p>
        <p class="quiet follow-where">
          {actor.machine} in {actor.id === '' ? actor.component : actor.id}
        </p>
        <dl class="facts">
          <dt>State</dt>
          <dd class="follow-state">{followed.over ? 'not there now' : statesText(actor.states)}</dd>
          <dt>Mode</dt>
          <dd>
            <ModeTag control={actor.control} always />
            {actor.control.reason !== undefined && <span class="reason">{actor.control.reason}</span>}
          </dd>
          {(followed.detail?.invoked.length ?? 0) > 0 && (
            <>
              <dt>Waits for</dt>
              <dd>{followed.detail!.invoked.join(', ')}</dd>
            </>
          )}
        </dl>
        <Controls followed={followed} />
        <Queue followed={followed} />
        <Breakpoints followed={followed} chart={chart} />
        <Steps followed={followed} />
        <Context followed={followed} />
      </div>
    </section>
  );
}
function Controls({ followed }: { readonly followed: Followed }) {
  const { store, actions } = usePage('session');
  const [busy, setBusy] = useState(false);
  const dialog = useRef<HTMLDialogElement>(null);
  const { actor } = followed;
  const allowed = store.session?.canControl === true;
  const { mode, queuedCount } = actor.control;
  const act = (type: Act): void => {
    if (busy) return;
    setBusy(true);
    void actions.act(actor, type).finally(() => setBusy(false));
  };
  // Disabled for the eye and the ear, but still a stop of the Tab key: the focus must not be lost when a button takes effect.
  const button = (type: Act, label: string, possible: boolean, run = () => act(type)) => (
    <button
      type="button"
      class={`button ${type === 'crash' ? 'button-danger' : ''}`}
      aria-disabled={!possible || undefined}
      onClick={() => possible && run()}
    >
      {label}
    </button>
  );
  const on = allowed && !followed.over;
  return (
    <>
      <div class="controls" role="group" aria-label="Control of the followed actor" aria-busy={busy}>
        {mode === 'paused' ? button('resume', 'Resume', on) : button('pause', 'Pause', on && mode === 'running')}
        {button('step', 'Step', on && mode === 'paused' && queuedCount > 0)}
        {button('crash', 'Crash…', on && mode !== 'resting', () => dialog.current?.showModal())}
      </div>
      {!allowed && <p class="quiet">{store.session?.user} may look, but not control.</p>}
      <dialog ref={dialog} aria-labelledby="crash-title">
        <form method="dialog">
          <h2 id="crash-title">Crash this actor?</h2>
          <p>
            <strong>{actor.actor}</strong> fails as if it had thrown. Supervision starts it again.
          </p>
          <div class="dialog-buttons">
            <button type="submit" class="button">
              Cancel
            </button>
            <button type="submit" class="button button-danger" onClick={() => act('crash')}>
              Crash it
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
function Queue({ followed }: { readonly followed: Followed }) {
  const { control } = followed.actor;
  if (control.mode !== 'paused') return null;
  const rest = control.queuedCount - control.queued.length;
  return (
    <section class="part" aria-labelledby="queue-title">
      <h3 id="queue-title">
        Waiting events <span class="number quiet">{control.queuedCount}</span>
      </h3>
      {control.queuedCount === 0 ? (
        <p class="quiet">None has come since the pause. A step needs one.</p>
      ) : (
        <ol class="queue">
          {control.queued.map((type, i) => (
            <li key={i}>{eventText(type)}</li>
          ))}
          {rest > 0 && <li class="quiet">and {rest} more</li>}
        </ol>
      )}
    </section>
  );
}
function Context({ followed }: { readonly followed: Followed }) {
  const entries = Object.entries(followed.detail?.context ?? {});
  if (entries.length === 0) return null;
  return (
    <section class="part" aria-labelledby="context-title">
      <h3 id="context-title">Context</h3>
      <dl class="facts facts-mono">
        {entries.map(([name, value]) => [<dt key={`${name} name`}>{name}</dt>, <dd key={name}>{String(value)}</dd>])}
      </dl>
    </section>
  );
}
