import { labelOf, type Chart } from '../chart/model.ts';

/** What a state is and where it leads, below its chart. */
export function StateDetail(p: {
  readonly chart: Chart;
  readonly path: string;
  readonly count: number;
  readonly breaks: boolean;
  readonly canBreak: boolean;
  readonly onBreak: () => void;
  readonly onClose: () => void;
}) {
  const state = p.chart.byPath.get(p.path)!;
  const out = p.chart.transitions.filter((t) => t.source === p.path);
  const does = [
    ...state.invokes.map((n) => `runs ${n}`),
    ...state.entry.map((n) => `entry / ${n}`),
    ...state.exit.map((n) => `exit / ${n}`),
  ];
  return (
    <section class="state-detail" aria-labelledby="state-title">
      <div class="panel-head">
        <h2 id="state-title">{p.path}</h2>
        <span class="quiet">
          {state.type}, <span class="number">{p.count.toLocaleString('en')}</span> {p.count === 1 ? 'actor' : 'actors'}
        </span>
        <div class="panel-end">
          {p.canBreak && (
            <button type="button" class="button" aria-pressed={p.breaks} onClick={p.onBreak}>
              {p.breaks ? 'Remove breakpoint' : 'Pause followed actor here'}
            </button>
          )}
          <button type="button" class="button" onClick={p.onClose}>
            Close
          </button>
        </div>
      </div>
      {state.description !== undefined && <p>{state.description}</p>}
      {does.length > 0 && <p class="quiet">{does.join(', ')}</p>}
      {out.length > 0 && (
        <ul class="plain transitions">
          {out.map((t, i) => (
            <li key={i}>
              {labelOf(t, true)} {t.internal ? '(stays)' : `→ ${t.target === '' ? p.chart.id : t.target}`}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
