import { useEffect, useState } from 'preact/hooks';

/** What the page shows, in the fragment of its address, so that back, forward and bookmarks work. */
export type Route =
  | { readonly view: 'chart'; readonly machine: string | undefined; readonly state: string | undefined }
  | { readonly view: 'messages' };

export function readRoute(fragment: string): Route {
  const [view, machine, state] = fragment.replace(/^#\/?/, '').split('/').map(decode);
  if (view === 'messages') return { view };
  return { view: 'chart', machine: machine || undefined, state: state || undefined };
}
export function routeText(route: Route): string {
  if (route.view === 'messages') return '#/messages';
  const parts = [route.machine, route.state].filter((p) => p !== undefined).map(encodeURIComponent);
  return ['#/chart', ...parts].join('/');
}
const decode = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};
export const go = (route: Route): void => {
  location.hash = routeText(route);
};
export function useRoute(): Route {
  const [route, set] = useState(() => readRoute(location.hash));
  useEffect(() => {
    const changed = (): void => set(readRoute(location.hash));
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return route;
}
