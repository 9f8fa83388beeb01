import { memo } from 'preact/compat';
import { useEffect, useRef } from 'preact/hooks';
import { ANY_TEXT, roundedPath, SIZE, type Drawing, type DrawnEdge } from '../chart/layout.ts';
import { isBelow, type Chart } from '../chart/model.ts';
import { usePage } from '../context.ts';

/** How long a transition shows that it was taken, at least. */
const HOT_MS = 1_000;

/** Transitions and marks; those taken just now light up. */
export const Edges = memo(function Edges({ drawing, chart }: { readonly drawing: Drawing; readonly chart: Chart }) {
  const { store } = usePage();
  const group = useRef<SVGGElement>(null);
  // Straight to the classes: this happens four times a second and touches at most a few edges.
  useEffect(() => {
    let cools: ReturnType<typeof setTimeout> | undefined;
    const light = (rows: readonly { state: string; event: string }[]): void => {
      const hot = new Set(drawing.edges.filter((e) => isHot(e, rows)).map((e) => e.id));
      for (const edge of group.current?.children ?? [])
        edge.classList.toggle('hot', hot.has(edge.getAttribute('data-edge') ?? ''));
    };
    const end = store.subscribe('handled', () => {
      light(store.handled.get(chart.id) ?? []);
      // Of a cluster at rest nothing more is told.
      clearTimeout(cools);
      cools = setTimeout(() => light([]), HOT_MS);
    });
    return () => {
      clearTimeout(cools);
      end();
    };
  }, [drawing]);
  return (
    <g class="edges" aria-hidden="true" ref={group}>
      {drawing.marks.map((m) =>
        m.kind === 'initial' ? (
          <circle
            key={`${m.x} ${m.y}`}
            class="initial"
            cx={m.x + m.width / 2}
            cy={m.y + m.height / 2}
            r={SIZE.mark / 2 - 1}
          />
        ) : (
          <g key={`${m.x} ${m.y}`} class="any">
            <rect x={m.x} y={m.y} width={m.width} height={m.height} rx={m.height / 2} />
            <text x={m.x + m.width / 2} y={m.y + m.height / 2 + 4}>
              {ANY_TEXT}
            </text>
          </g>
        ),
      )}
      {drawing.edges.map((e) => (
        <g key={e.id} class={`edge ${e.initial ? 'edge-initial' : ''}`} data-edge={e.id}>
          <path d={roundedPath(e.points)} marker-end="url(#arrow)" />
          {e.label !== undefined && (
            <>
              <rect
                class="edge-back"
                x={e.label.x}
                y={e.label.y}
                width={e.label.width}
                height={e.label.height}
                rx={3}
              />
              <text class="edge-label">
                {e.label.lines.map((line, i) => (
                  <tspan key={i} x={e.label!.x + e.label!.width / 2} y={e.label!.y + 13 + i * SIZE.labelLine}>
                    {line}
                  </tspan>
                ))}
              </text>
            </>
          )}
        </g>
      ))}
    </g>
  );
});
const isHot = (edge: DrawnEdge, rows: readonly { state: string; event: string }[]): boolean =>
  edge.transitions.some((t) =>
    rows.some((r) => r.event === t.event && (r.state === t.source || isBelow(r.state, t.source))),
  );
