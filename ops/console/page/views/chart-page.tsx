import { useState } from 'preact/hooks';
import { countsByState, withAncestors, type Chart } from '../chart/model.ts';
import { usePage } from '../context.ts';
import { go, type Route } from '../route.ts';
import { actorKey } from '../store.ts';
import { Actors } from './actors.tsx';
import { ChartTable } from './chart-table.tsx';
import { Diagram } from './diagram.tsx';
import { Follow } from './follow.tsx';
import { Menu } from './menu.tsx';
import { shownMachine } from './sidebar.tsx';
import { StateDetail } from './state-detail.tsx';

export function ChartPage({ route }: { readonly route: Route & { readonly view: 'chart' } }) {
  const { store } = usePage('machines');
  const id = shownMachine(store, route);
  const chart = id === undefined ? undefined : store.charts.get(id);
  if (chart === undefined)
    return (
      <p class="waiting">
        {store.charts.size === 0
          ? 'Loading the charts…'
          : `There is no chart ${id}. It may come with the program that has it.`}
      </p>
    );
  return (
    <ChartView key={chart.id} chart={chart} selected={chart.byPath.has(route.state ?? '') ? route.state : undefined} />
  );
}
function ChartView({ chart, selected }: { readonly chart: Chart; readonly selected: string | undefined }) {
  const { store, actions } = usePage('counts', 'followed');
  const [asTable, setAsTable] = useState(false);
  const [menu, setMenu] = useState<{ path: string; x: number; y: number }>();
  const counts = countsByState(chart, store.counts.get(chart.id) ?? new Map());
  const followed = store.followed?.actor.machine === chart.id ? store.followed : undefined;
  const here = followed === undefined || followed.over ? [] : followed.actor.states;
  const breakpoints = new Set(followed?.actor.control.breakpoints.flatMap((b) => ('state' in b ? [b.state] : [])));
  const reveals =
    followed === undefined ? '' : `${actorKey(followed.actor)} ${followed.actor.control.mode} ${followed.over}`;
  const select = (state: string | undefined): void => go({ view: 'chart', machine: chart.id, state });
  const toggleBreak = (path: string): void => {
    if (followed === undefined)
      actions.say('warning', `Follow an actor of ${chart.id} first: a breakpoint is for one actor.`);
    else void actions.setBreakpoint(followed.actor, { state: path }, !breakpoints.has(path));
  };
  const total = counts.get('') ?? 0;
  const both = { chart, counts, selected, breakpoints, onSelect: select };
  return (
    <div class="chart-page">
      <section class="panel chart" aria-labelledby="chart-title">
        <div class="panel-head">
          <h1 id="chart-title">{chart.id}</h1>
          <p class="quiet chart-about">
            {chart.about === '' ? '' : `${chart.about}, `}
            <span class="number">{total.toLocaleString('en')}</span> {total === 1 ? 'actor' : 'actors'}
          </p>
          <div class="segments" role="group" aria-label="Show the chart as">
            <button type="button" aria-pressed={!asTable} onClick={() => setAsTable(false)}>
              Diagram
            </button>
            <button type="button" aria-pressed={asTable} onClick={() => setAsTable(true)}>
              Table
            </button>
          </div>
        </div>
        {asTable ? (
          <ChartTable {...both} here={here.length === 0 ? new Set() : withAncestors(here)} />
        ) : (
          <Diagram
            {...both}
            here={here}
            reveals={reveals}
            onMenu={(path, x, y) => setMenu({ path, x, y })}
            onBreak={toggleBreak}
          />
        )}
        {selected !== undefined && (
          <StateDetail
            chart={chart}
            path={selected}
            count={counts.get(selected) ?? 0}
            breaks={breakpoints.has(selected)}
            canBreak={followed !== undefined && store.session?.canControl === true}
            onBreak={() => toggleBreak(selected)}
            onClose={() => select(undefined)}
          />
        )}
      </section>
      <div class="side">
        <Actors
          machine={chart.id}
          state={selected}
          total={counts.get(selected ?? '') ?? 0}
          clearState={() => select(undefined)}
        />
        <Follow />
      </div>
      {menu !== undefined && (
        <Menu
          label={`State ${menu.path}`}
          x={menu.x}
          y={menu.y}
          onClose={() => setMenu(undefined)}
          items={[
            { label: 'Show its actors', run: () => select(menu.path) },
            {
              label:
                followed === undefined
                  ? 'Breakpoint: follow an actor first'
                  : breakpoints.has(menu.path)
                    ? `Remove the breakpoint of ${followed.actor.actor}`
                    : `Pause ${followed.actor.actor} here`,
              run: () => toggleBreak(menu.path),
              disabled: followed === undefined || store.session?.canControl !== true,
            },
          ]}
        />
      )}
    </div>
  );
}
