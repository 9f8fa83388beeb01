import { useRef, useState } from 'preact/hooks';
import { countsByState, type Chart } from '../chart/model.ts';
import { usePage } from '../context.ts';
import { routeText, type Route } from '../route.ts';
import type { Store } from '../store.ts';
import { nextIndex } from './roving.ts';

interface Group {
  readonly name: string;
  readonly charts: readonly Chart[];
}
/** A chart stands with the component that alone has it; what several have, and what nobody has now, comes last. */
function groupsOf(store: Store): Group[] {
  const groups = new Map<string, Chart[]>();
  const put = (name: string, chart: Chart): void => void groups.set(name, [...(groups.get(name) ?? []), chart]);
  const shared: Chart[] = [];
  const absent: Chart[] = [];
  for (const chart of store.charts.values()) {
    const seen = [...(store.homes.get(chart.id)?.values() ?? [])];
    const homes = [...new Set(seen.map((h) => (chart.external ? h.id : h.component)))];
    if (chart.external) put(homes[0] ?? chart.id.split('/')[0]!, chart);
    else if (homes.length === 0) absent.push(chart);
    else if (homes.length === 1) put(homes[0]!, chart);
    else shared.push(chart);
  }
  const named = [...groups].map(([name, charts]) => ({ name, charts }));
  const external = named.filter((g) => g.charts[0]!.external);
  return [
    ...named.filter((g) => !g.charts[0]!.external),
    { name: 'In several components', charts: shared },
    { name: 'Not seen yet', charts: absent },
    ...external.map((g) => ({ ...g, name: `Outside: ${g.name}` })),
  ].filter((g) => g.charts.length > 0);
}
export const shownMachine = (store: Store, route: Route): string | undefined =>
  route.view !== 'chart' ? undefined : (route.machine ?? defaultMachine(store));
/** What people come to see first. */
const defaultMachine = (store: Store): string | undefined =>
  store.charts.has('pod') ? 'pod' : [...store.charts.keys()][0];

export function Sidebar({ route }: { readonly route: Route }) {
  const { store } = usePage('machines', 'counts', 'components');
  const groups = groupsOf(store);
  const current = shownMachine(store, route);
  const order = groups.flatMap((g) => g.charts.map((c) => c.id));
  const [focused, focus] = useState<string>();
  const stop = order.includes(focused ?? '') ? focused : order.includes(current ?? '') ? current : order[0];
  const list = useRef<HTMLElement>(null);
  const move = (event: KeyboardEvent): void => {
    const next = nextIndex(event.key, order.indexOf(stop ?? ''), order.length, 5);
    if (next === undefined) return;
    event.preventDefault();
    focus(order[next]);
    list.current?.querySelectorAll<HTMLElement>('a')[next]?.focus();
  };
  return (
    <div class="sidebar">
      <nav aria-label="Charts" ref={list} onKeyDown={move}>
        {groups.map((group) => (
          <section key={group.name}>
            <h2 class="group">{group.name}</h2>
            <ul class="charts">
              {group.charts.map((chart) => {
                const count = countsByState(chart, store.counts.get(chart.id) ?? new Map()).get('') ?? 0;
                return (
                  <li key={chart.id}>
                    <a
                      href={routeText({ view: 'chart', machine: chart.id, state: undefined })}
                      aria-current={chart.id === current ? 'page' : undefined}
                      title={chart.about === '' ? undefined : `The life of ${chart.about}`}
                      tabindex={chart.id === stop ? 0 : -1}
                      onFocus={() => focus(chart.id)}
                    >
                      <span class="chart-name">
                        {chart.external ? chart.id.split('/').slice(1).join('/') : chart.id}
                      </span>
                      <span class={`number ${count === 0 ? 'none' : ''}`}>
                        {count.toLocaleString('en')}
                        <span class="unseen">{count === 1 ? ' actor' : ' actors'}</span>
                      </span>
                    </a>
                  </li>
                );
              })}
            </ul>
          </section>
        ))}
      </nav>
      <section aria-labelledby="components">
        <h2 class="group" id="components">
          Components
        </h2>
        <ul class="components">
          {store.components.map((c) => (
            <li key={`${c.component}/${c.id}`} title={`${c.component} ${c.id}: ${c.state}`}>
              <span class={`dot ${c.attached ? 'dot-live' : 'dot-lost'}`} aria-hidden="true" />
              <span class="component-id">{c.id === '' ? c.component : c.id}</span>
              <span class="component-state quiet">{c.attached ? c.state : 'does not answer'}</span>
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}
