import { useRef } from 'preact/hooks';
import { usePage } from '../context.ts';
import { useRoute } from '../route.ts';
import { ChartPage } from './chart-page.tsx';
import { Header } from './header.tsx';
import { Live } from './live.tsx';
import { Login } from './login.tsx';
import { Messages } from './messages.tsx';
import { Notices } from './notices.tsx';
import { Sidebar } from './sidebar.tsx';

export function App() {
  const { store } = usePage('session');
  const route = useRoute();
  const main = useRef<HTMLElement>(null);
  if (!store.started && store.session === undefined) return <p class="waiting">Opening the inspector…</p>;
  if (store.session === undefined) return <Login />;
  return (
    <div class="app">
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          // The fragment is the page's own address.
          event.preventDefault();
          main.current?.focus();
        }}
      >
        Skip to the {route.view === 'messages' ? 'messages' : 'chart'}
      </a>
      <Header route={route} />
      <Sidebar route={route} />
      <main class="main" id="main" tabindex={-1} ref={main}>
        {route.view === 'messages' ? <Messages /> : <ChartPage route={route} />}
      </main>
      <Notices />
      <Live />
    </div>
  );
}
