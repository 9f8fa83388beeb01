import { render } from 'preact';
import { createActions } from './actions.ts';
import { PageContext } from './context.ts';
import { Store } from './store.ts';
import { App } from './views/app.tsx';
import { applyTheme } from './theme.ts';

// A hidden tab draws no frames, but what it says to a screen reader must not wait for one.
const schedule = (flush: () => void): void => {
  if (document.visibilityState === 'hidden') setTimeout(flush, 250);
  else requestAnimationFrame(flush);
};
applyTheme();
const store = new Store(schedule);
const actions = createActions(store);
const code = /^#code=(.+)$/.exec(location.hash)?.[1];
// The code is of no use to anyone who reads the history later.
if (code !== undefined) history.replaceState(null, '', location.pathname);
render(
  <PageContext.Provider value={{ store, actions }}>
    <App />
  </PageContext.Provider>,
  document.getElementById('app')!,
);
void actions.start(code);
