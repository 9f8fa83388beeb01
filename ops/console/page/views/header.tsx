import { useState } from 'preact/hooks';
import { usePage } from '../context.ts';
import { rateText } from '../flow.ts';
import { routeText, type Route } from '../route.ts';
import { keepTheme, readTheme, type Theme } from '../theme.ts';

const CONNECTION = {
  connecting: 'Connecting',
  live: 'Live',
  lost: 'Connection lost, trying again',
} as const;

export function Header({ route }: { readonly route: Route }) {
  const { store, actions } = usePage('session', 'connection', 'flow', 'components');
  const rate = store.flow.rates().reduce((sum, r) => sum + r.rate, 0);
  return (
    <header class="header">
      <p class="brand">
        <img src="icon.svg" alt="" width={20} height={20} />
        <span>Kubus inspector</span>
        <span class="brand-cluster">{store.session?.cluster}</span>
      </p>
      <nav class="tabs" aria-label="Views">
        <a
          href={routeText({ view: 'chart', machine: undefined, state: undefined })}
          aria-current={route.view === 'chart' ? 'page' : undefined}
        >
          Charts
        </a>
        <a href={routeText({ view: 'messages' })} aria-current={route.view === 'messages' ? 'page' : undefined}>
          Messages
        </a>
      </nav>
      <div class="header-facts">
        <span class={`dot dot-${store.connection}`} aria-hidden="true" />
        <span role="status">{CONNECTION[store.connection]}</span>
        <span class="quiet">
          <span class="number">{rateText(rate)}</span> messages/s
        </span>
      </div>
      <div class="header-end">
        <ThemePicker />
        <span class="quiet user">{store.session?.user}</span>
        <button type="button" class="button" onClick={() => void actions.logout()}>
          Sign out
        </button>
      </div>
    </header>
  );
}
function ThemePicker() {
  const [theme, set] = useState<Theme>(readTheme);
  return (
    <label class="theme">
      <span class="quiet">Theme</span>
      <select
        value={theme}
        onChange={(event) => {
          const chosen = event.currentTarget.value as Theme;
          keepTheme(chosen);
          set(chosen);
        }}
      >
        <option value="system">System</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}
