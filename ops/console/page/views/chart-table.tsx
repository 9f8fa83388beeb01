import { labelOf, type Chart } from '../chart/model.ts';

export interface TableProps {
  readonly chart: Chart;
  readonly counts: ReadonlyMap<string, number>;
  readonly selected: string | undefined;
  readonly here: ReadonlySet<string>;
  readonly breakpoints: ReadonlySet<string>;
  readonly onSelect: (path: string | undefined) => void;
}
/** The chart as text: every state with its actors and transitions. */
export function ChartTable({ chart, counts, selected, here, breakpoints, onSelect }: TableProps) {
  return (
    <div class="table-scroll" tabindex={0} role="region" aria-label={`States of ${chart.id}`}>
      <table class="table states-table">
        <caption class="unseen">
          States and transitions of {chart.id}, {(counts.get('') ?? 0).toLocaleString('en')} actors
        </caption>
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Kind</th>
            <th scope="col" class="right">
              Actors
            </th>
            <th scope="col">Does</th>
            <th scope="col">Transitions</th>
          </tr>
        </thead>
        <tbody>
          {chart.states.map((state) => {
            const out = chart.transitions.filter((t) => t.source === state.path);
            return (
              <tr key={state.path} class={here.has(state.path) && state.path !== '' ? 'here' : ''}>
                <th scope="row" class={`depth-${Math.min(state.depth, 4)}`}>
                  {state.path === '' ? (
                    chart.id
                  ) : (
                    <button
                      type="button"
                      class="link"
                      aria-pressed={state.path === selected}
                      aria-label={state.path}
                      onClick={() => onSelect(state.path === selected ? undefined : state.path)}
                    >
                      {state.key}
                    </button>
                  )}
                  {breakpoints.has(state.path) && <span class="tag tag-break">breakpoint</span>}
                  {here.has(state.path) && state.path !== '' && <span class="tag tag-here">followed</span>}
                </th>
                <td>{state.path === '' ? 'machine' : state.type}</td>
                <td class="right number">{(counts.get(state.path) ?? 0).toLocaleString('en')}</td>
                <td>
                  {[
                    ...state.invokes.map((n) => `runs ${n}`),
                    ...state.entry.map((n) => `entry / ${n}`),
                    ...state.exit.map((n) => `exit / ${n}`),
                  ].join(', ')}
                </td>
                <td>
                  <ul class="plain">
                    {state.initial !== undefined && <li>starts in {state.initial}</li>}
                    {out.map((t, i) => (
                      <li key={i}>
                        {labelOf(t, true)} {t.internal ? '(stays)' : `→ ${t.target === '' ? chart.id : t.target}`}
                      </li>
                    ))}
                  </ul>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
