import { useEffect, useState } from 'preact/hooks';
import { usePage } from '../context.ts';

const SHOWN_MS = 8_000;

/** The last words of the server, for a while; the live region says them too. */
export function Notices() {
  const { store } = usePage('notices');
  const [dismissed, dismiss] = useState<unknown>();
  const last = store.notices.at(-1);
  useEffect(() => {
    if (last === undefined || last.level === 'warning') return;
    const timer = setTimeout(() => dismiss(last), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [last]);
  if (last === undefined || last === dismissed) return null;
  return (
    <aside class={`notice notice-${last.level}`} aria-label="Notice">
      <p>{last.text}</p>
      <button type="button" class="button" onClick={() => dismiss(last)}>
        Dismiss
      </button>
    </aside>
  );
}
