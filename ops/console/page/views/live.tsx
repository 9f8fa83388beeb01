import { useEffect, useRef, useState } from 'preact/hooks';
import { statesText } from '../chart/model.ts';
import { usePage } from '../context.ts';
import type { Store } from '../store.ts';

/** Not more often than a person can listen. */
const EVERY_MS = 1_500;

/**
 * What a screen reader says: politely what the followed actor does and what the server tells, at once that a breakpoint
 * was hit.
 */
export function Live() {
  const { store } = usePage('followed', 'notices');
  const polite = usePaced(politeText(store));
  const urgent = urgentText(store);
  return (
    <div class="unseen">
      <p role="status" aria-label="Followed actor">
        {polite}
      </p>
      <p role="alert" aria-label="Held actor">
        {urgent}
      </p>
    </div>
  );
}
function politeText(store: Store): string {
  const { followed } = store;
  const notice = store.notices.at(-1);
  const said = notice === undefined ? '' : notice.text;
  if (followed === undefined) return said;
  const name = followed.actor.actor;
  const step = followed.steps.findLast((s) => s.taken);
  if (followed.over) return `${name} is over. ${said}`;
  return `${name} is in ${statesText(step?.to ?? followed.actor.states)}. ${said}`;
}
function urgentText(store: Store): string {
  const { followed } = store;
  const { mode, reason } = followed?.actor.control ?? {};
  if (followed === undefined || mode !== 'paused' || reason === undefined || !reason.startsWith('breakpoint'))
    return '';
  return `${followed.actor.actor} is paused by its ${reason}.`;
}
/** The text as it was at most EVERY_MS ago. */
function usePaced(text: string): string {
  const [said, say] = useState(text);
  const last = useRef(0);
  useEffect(() => {
    if (text === said) return;
    const timer = setTimeout(
      () => {
        last.current = Date.now();
        say(text);
      },
      Math.max(0, last.current + EVERY_MS - Date.now()),
    );
    return () => clearTimeout(timer);
  }, [text]);
  return said;
}
