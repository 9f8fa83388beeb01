import { useState } from 'preact/hooks';
import type { Breakpoint } from '../../protocol.ts';
import { eventText, type Chart } from '../chart/model.ts';
import { usePage } from '../context.ts';
import type { Followed } from '../store.ts';

export const breakpointText = (on: Breakpoint): string =>
  'state' in on ? `entering ${on.state}` : `event ${eventText(on.event)}`;

/** Where the followed actor stops by itself. */
export function Breakpoints({ followed, chart }: { readonly followed: Followed; readonly chart: Chart | undefined }) {
  const { store, actions } = usePage('session');
  const [chosen, choose] = useState('');
  const { breakpoints } = followed.actor.control;
  const allowed = store.session?.canControl === true && !followed.over;
  const labels = new Map(chart?.transitions.filter((t) => t.event !== '').map((t) => [t.event, t.label]));
  const states = chart?.states.filter((s) => s.path !== '') ?? [];
  const add = (): void => {
    const at = chosen.indexOf(' ');
    if (at < 0) return;
    const name = chosen.slice(at + 1);
    void actions.setBreakpoint(followed.actor, chosen.startsWith('state') ? { state: name } : { event: name }, true);
    choose('');
  };
  return (
    <section class="part" aria-labelledby="breakpoints-title">
      <h3 id="breakpoints-title">
        Breakpoints <span class="number quiet">{breakpoints.length}</span>
      </h3>
      {breakpoints.length > 0 && (
        <ul class="plain breakpoints">
          {breakpoints.map((on) => (
            <li key={breakpointText(on)}>
              <span class="break-dot" aria-hidden="true" />
              <span>{breakpointText(on)}</span>
              <button
                type="button"
                class="button button-small"
                aria-label={`Remove breakpoint ${breakpointText(on)}`}
                disabled={!allowed}
                onClick={() => void actions.setBreakpoint(followed.actor, on, false)}
              >
                Remove
              </button>
            </li>
          ))}
        </ul>
      )}
      <form
        class="add-break"
        onSubmit={(event) => {
          event.preventDefault();
          add();
        }}
      >
        <select
          aria-label="Pause at"
          value={chosen}
          disabled={!allowed}
          onChange={(event) => choose(event.currentTarget.value)}
        >
          <option value="">Pause at…</option>
          <optgroup label="Entering a state">
            {states.map((s) => (
              <option key={s.path} value={`state ${s.path}`}>
                {s.path}
              </option>
            ))}
          </optgroup>
          <optgroup label="Before an event">
            {[...labels].map(([event, label]) => (
              <option key={event} value={`event ${event}`}>
                {label}
              </option>
            ))}
          </optgroup>
        </select>
        <button type="submit" class="button" disabled={!allowed}>
          Add
        </button>
      </form>
    </section>
  );
}
