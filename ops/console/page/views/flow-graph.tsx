import type { ElkNode } from 'elkjs/lib/elk-api.js';
import { useEffect, useRef, useState } from 'preact/hooks';
import { layout, measure } from '../chart/elk.ts';
import { roundedPath } from '../chart/layout.ts';
import { rateText, type FlowRate } from '../flow.ts';
import { pairsOf, strokeOf, type Pair } from '../pairs.ts';
import { nextIndex } from './roving.ts';

const HEIGHT = 30;
/** Components and the lines between those that talk; laid out anew only when a new pair begins to. */
export function FlowGraph(p: {
  readonly rates: readonly FlowRate[];
  readonly selected: string | undefined;
  readonly onSelect: (name: string) => void;
}) {
  const pairs = pairsOf(p.rates);
  const names = [...new Set(pairs.flatMap(({ a, b }) => [a, b]))].sort();
  const shape = pairs.map(({ a, b }) => `${a} ${b}`).join('\n');
  const [laid, setLaid] = useState<ElkNode>();
  const [focused, focus] = useState<string>();
  const svg = useRef<SVGSVGElement>(null);
  useEffect(() => {
    let stale = false;
    // Pairs come in flocks when a cluster starts.
    const timer = setTimeout(() => void layout(toGraph(pairs, names)).then((done) => stale || setLaid(done)), 150);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [shape]);
  if (laid === undefined) return <p class="waiting">Drawing…</p>;
  const byPair = new Map(pairs.map((pair) => [edgeId(pair), pair]));
  const nodes = laid.children ?? [];
  const order = nodes.map((n) => n.id);
  const stop = focused !== undefined && order.includes(focused) ? focused : order[0];
  const total = new Map<string, number>();
  for (const { from, to, rate } of p.rates)
    for (const name of new Set([from, to])) total.set(name, (total.get(name) ?? 0) + rate);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' || event.key === ' ') p.onSelect(stop!);
    else {
      const key = { ArrowRight: 'ArrowDown', ArrowLeft: 'ArrowUp' }[event.key] ?? event.key;
      const next = nextIndex(key, order.indexOf(stop!), order.length);
      if (next === undefined) return;
      focus(order[next]);
      svg.current?.querySelectorAll<SVGGElement>('[role=button]')[next]?.focus();
    }
    event.preventDefault();
  };
  return (
    <div class="diagram-scroll">
      <svg
        ref={svg}
        class="flow"
        width={laid.width}
        height={laid.height}
        viewBox={`0 0 ${laid.width} ${laid.height}`}
        role="group"
        aria-label="Graph of components. Arrow keys move, Enter shows only what one says and hears. The table below says the same as text."
        onKeyDown={onKeyDown}
      >
        <g aria-hidden="true">
          {(laid.edges ?? []).map((edge) => {
            const pair = byPair.get(edge.id);
            const section = edge.sections?.[0];
            if (pair === undefined || section === undefined) return null;
            const dim = p.selected !== undefined && pair.a !== p.selected && pair.b !== p.selected;
            const label = edge.labels?.[0];
            return (
              <g key={edge.id} class={`flow-edge ${dim ? 'dim' : ''} ${pair.there + pair.back === 0 ? 'silent' : ''}`}>
                <path
                  d={roundedPath([section.startPoint, ...(section.bendPoints ?? []), section.endPoint])}
                  stroke-width={strokeOf(pair.there + pair.back)}
                />
                {label !== undefined && (
                  <text x={(label.x ?? 0) + (label.width ?? 0) / 2} y={(label.y ?? 0) + 11}>
                    {`→ ${rateText(pair.there)}   ← ${rateText(pair.back)}`}
                  </text>
                )}
              </g>
            );
          })}
        </g>
        {nodes.map((n) => (
          <g
            key={n.id}
            class={`flow-node ${n.id === p.selected ? 'selected' : ''}`}
            role="button"
            aria-pressed={n.id === p.selected}
            aria-label={`${n.id}, ${rateText(total.get(n.id) ?? 0)} messages a second`}
            tabindex={n.id === stop ? 0 : -1}
            onFocus={() => focus(n.id)}
            onClick={() => p.onSelect(n.id)}
          >
            <rect class="focus-ring" x={n.x! - 4} y={n.y! - 4} width={n.width! + 8} height={n.height! + 8} rx={10} />
            <rect class="state-box" x={n.x} y={n.y} width={n.width} height={n.height} rx={7} />
            <text class="state-title" x={n.x! + 12} y={n.y! + 20}>
              {n.id}
            </text>
          </g>
        ))}
      </svg>
    </div>
  );
}
const edgeId = ({ a, b }: Pair): string => `${a}\n${b}`;
function toGraph(pairs: readonly Pair[], names: readonly string[]): ElkNode {
  return {
    id: 'flow',
    layoutOptions: {
      'elk.algorithm': 'layered',
      'elk.direction': 'RIGHT',
      'elk.edgeRouting': 'ORTHOGONAL',
      'elk.padding': '[top=12,left=12,bottom=12,right=12]',
      'elk.spacing.nodeNode': '12',
      'elk.layered.spacing.nodeNodeBetweenLayers': '40',
      'elk.layered.spacing.edgeNodeBetweenLayers': '16',
      'elk.layered.mergeEdges': 'true',
      'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
    },
    children: names.map((id) => ({ id, width: measure(id, 'title') + 24, height: HEIGHT })),
    edges: pairs.map((pair) => ({
      id: edgeId(pair),
      sources: [pair.a],
      targets: [pair.b],
      labels: [{ text: ' ', width: 110, height: 14 }],
    })),
  };
}
