import { createContext } from 'preact';
import { useContext, useLayoutEffect, useReducer } from 'preact/hooks';
import type { Actions } from './actions.ts';
import type { Part, Store } from './store.ts';

export interface Page {
  readonly store: Store;
  readonly actions: Actions;
}
export const PageContext = createContext<Page | undefined>(undefined);

/** The page, and a new drawing of the view whenever one of these parts changes. */
export function usePage(...parts: readonly Part[]): Page {
  const page = useContext(PageContext);
  if (page === undefined) throw new Error('a view outside of the page');
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  // With the drawing and not after it: what changes in between would be told to nobody.
  useLayoutEffect(() => {
    const ends = parts.map((part) => page.store.subscribe(part, () => redraw(undefined)));
    return () => ends.forEach((end) => end());
    // The parts of a view are written in its source and never change.
  }, [page]);
  return page;
}
