import { useState } from 'preact/hooks';
import { eventText, statesText } from '../chart/model.ts';
import type { Followed, KeptStep } from '../store.ts';

/** How many rows are drawn: nobody reads further back in one look. */
const SHOWN = 100;

/** What the followed actor heard and where that led, newest first. */
export function Steps({ followed }: { readonly followed: Followed }) {
  const [all, setAll] = useState(true);
  const steps = (all ? followed.steps : followed.steps.filter((s) => s.taken)).slice(-SHOWN).reverse();
  return (
    <section class="part" aria-labelledby="steps-title">
      <div class="part-head">
        <h3 id="steps-title">Messages and transitions</h3>
        <label class="check">
          <input type="checkbox" checked={!all} onChange={(event) => setAll(!event.currentTarget.checked)} />
          Taken only
        </label>
      </div>
      {steps.length === 0 ? (
        <p class="quiet">Nothing heard since you follow it.</p>
      ) : (
        <table class="table steps">
          <caption class="unseen">Events that {followed.actor.actor} has handled, newest first</caption>
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col">Event</th>
              <th scope="col">From → to</th>
            </tr>
          </thead>
          <tbody>
            {steps.map((s) => (
              <StepRow key={s.n} step={s} />
            ))}
          </tbody>
        </table>
      )}
      {followed.skipped > 0 && <p class="quiet">{followed.skipped} steps were too many at once and are left out.</p>}
    </section>
  );
}
function StepRow({ step }: { readonly step: KeptStep }) {
  // What XState does by itself, as starting and stopping what is invoked, is no news.
  const actions = step.actions.filter((name) => !name.startsWith('xstate.'));
  const payload = Object.entries(step.payload).filter(([, value]) => value !== 'undefined');
  const moved = statesText(step.from) !== statesText(step.to);
  return (
    <tr class={step.taken ? '' : 'untaken'}>
      <td class="number">
        <time dateTime={new Date(step.ts).toISOString()}>{timeText(step.ts)}</time>
      </td>
      <td>
        {eventText(step.event)}
        {payload.length > 0 && (
          <span class="payload">{payload.map(([name, value]) => `${name}: ${String(value)}`).join(', ')}</span>
        )}
      </td>
      <td>
        {!step.taken ? (
          <span class="quiet">not taken in {statesText(step.from)}</span>
        ) : moved ? (
          <>
            {statesText(step.from)} <span aria-label="to">→</span> <strong>{statesText(step.to)}</strong>
          </>
        ) : (
          <span>stays in {statesText(step.to)}</span>
        )}
        {actions.length > 0 && <span class="payload">/ {actions.join(', ')}</span>}
      </td>
    </tr>
  );
}
/** `14:03:07.250`, local time. */
function timeText(ms: number): string {
  const at = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}`;
}
