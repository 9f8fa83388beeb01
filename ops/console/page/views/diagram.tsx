import { memo } from 'preact/compat';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { drawingOf } from '../chart/elk.ts';
import { SIZE, type Drawing, type DrawnState } from '../chart/layout.ts';
import { withAncestors, type Chart, type ChartState } from '../chart/model.ts';
import { Edges } from './edges.tsx';
import { neighbour, reveal } from './geometry.ts';

const READABLE = 0.8;

export interface DiagramProps {
  readonly chart: Chart;
  readonly counts: ReadonlyMap<string, number>;
  readonly selected: string | undefined;
  /** Innermost states of the followed actor, if it is one of these. */
  readonly here: readonly string[];
  /** Changes when the followed actor is to be brought into view. */
  readonly reveals: string;
  /** States on which the followed actor stops. */
  readonly breakpoints: ReadonlySet<string>;
  readonly onSelect: (path: string | undefined) => void;
  readonly onMenu: (path: string, x: number, y: number) => void;
  readonly onBreak: (path: string) => void;
}
/** The drawing of a chart. Only texts, classes and the focus change while it is looked at; the layout never does. */
export function Diagram(props: DiagramProps) {
  const { chart } = props;
  const [drawing, setDrawing] = useState<Drawing | undefined>();
  const [problem, setProblem] = useState<string>();
  const [zoom, setZoom] = useState<number>();
  const [room, setRoom] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  useEffect(() => {
    let stale = false;
    setDrawing(undefined);
    setZoom(undefined);
    setProblem(undefined);
    drawingOf(chart).then(
      (made) => stale || setDrawing(made),
      (error: unknown) => stale || setProblem(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      stale = true;
    };
  }, [chart]);
  useLayoutEffect(() => {
    const element = scroller.current!;
    const observer = new ResizeObserver(() => setRoom(element.clientWidth));
    observer.observe(element);
    setRoom(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  const fit = drawing === undefined ? 1 : Math.max(0.3, Math.min(1, room / drawing.width));
  // Smaller than this nobody reads it: rather scroll, until somebody asks for all of it.
  const scale = zoom ?? Math.max(READABLE, fit);
  const zoomBy = (by: number): void => setZoom(Math.max(0.3, Math.min(2, scale * by)));
  return (
    <div class="diagram">
      <div class="zoom" role="group" aria-label="Size of the diagram">
        <button type="button" class="button" aria-label="Smaller" onClick={() => zoomBy(0.8)}>
          −
        </button>
        <button type="button" class="button" onClick={() => setZoom(fit)}>
          Fit
        </button>
        <button type="button" class="button" aria-label="Larger" onClick={() => zoomBy(1.25)}>
          +
        </button>
      </div>
      <div class="diagram-scroll" ref={scroller}>
        {problem !== undefined && (
          <p class="problem" role="alert">
            This chart cannot be drawn ({problem}). Its table tells the same.
          </p>
        )}
        {drawing === undefined && problem === undefined && <p class="waiting">Drawing…</p>}
        {drawing !== undefined && <Drawn {...props} drawing={drawing} scale={scale} />}
      </div>
    </div>
  );
}

function Drawn(props: DiagramProps & { readonly drawing: Drawing; readonly scale: number }) {
  const { chart, drawing, scale, selected } = props;
  const svg = useRef<SVGSVGElement>(null);
  const [focused, focus] = useState<string>();
  const boxes = drawing.states.filter((s) => s.state.path !== '');
  const stop = boxes.some((b) => b.state.path === focused)
    ? focused
    : (selected ?? props.here[0] ?? boxes[0]?.state.path);
  const active = props.here.length > 0 ? withAncestors(props.here) : undefined;
  const total = props.counts.get('') ?? 0;
  const element = (path: string): SVGGElement | null =>
    svg.current?.querySelector<SVGGElement>(`[data-path="${CSS.escape(path)}"]`) ?? null;
  const onKeyDown = (event: KeyboardEvent): void => {
    const path = (event.target as Element).closest('[data-path]')?.getAttribute('data-path');
    if (path === null || path === undefined) return;
    const next = neighbour(boxes, path, event.key);
    if (next !== undefined) {
      focus(next);
      element(next)?.focus();
    } else if (event.key === 'Enter' || event.key === ' ') props.onSelect(path === selected ? undefined : path);
    else if (event.key === 'Escape' && selected !== undefined) props.onSelect(undefined);
    else if (event.key === 'b' && !event.ctrlKey && !event.metaKey && !event.altKey) props.onBreak(path);
    else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) {
      const at = element(path)!.getBoundingClientRect();
      props.onMenu(path, at.left + 24, at.top + 28);
    } else return;
    event.preventDefault();
  };
  const state = (box: DrawnState) => (
    <StateBox
      key={box.state.path}
      box={box}
      count={props.counts.get(box.state.path) ?? 0}
      total={total}
      selected={box.state.path === selected}
      here={active?.has(box.state.path) === true}
      breaks={props.breakpoints.has(box.state.path)}
      stop={box.state.path === stop}
      onFocus={focus}
      onSelect={(path) => props.onSelect(path === selected ? undefined : path)}
      onMenu={props.onMenu}
    />
  );
  const root = drawing.states.find((s) => s.state.path === '');
  // Who follows an actor, or waits for a breakpoint, wants to see where it is.
  useEffect(() => {
    const box = boxes.find((b) => b.state.path === props.here[0]);
    if (box !== undefined) reveal(svg.current!.parentElement!, box, scale);
  }, [drawing, props.reveals]);
  return (
    <svg
      ref={svg}
      class={`drawing ${active === undefined ? '' : 'follows'}`}
      width={drawing.width * scale}
      height={drawing.height * scale}
      viewBox={`0 0 ${drawing.width} ${drawing.height}`}
      role="group"
      aria-label={`Diagram of ${chart.id}: ${boxes.length} states. Arrow keys move, Enter selects, B sets a breakpoint, Shift F10 opens a menu. The table says the same as text.`}
      onKeyDown={onKeyDown}
    >
      <defs>
        <marker
          id="arrow"
          viewBox="0 0 8 8"
          refX="7"
          refY="4"
          markerUnits="userSpaceOnUse"
          markerWidth="9"
          markerHeight="9"
          orient="auto-start-reverse"
        >
          <path class="arrow-head" d="M0.5 0.5 7.5 4 0.5 7.5z" />
        </marker>
      </defs>
      {root !== undefined && <MachineFrame box={root} />}
      {boxes.filter((b) => b.state.states.length > 0).map(state)}
      <Edges drawing={drawing} chart={chart} />
      {boxes.filter((b) => b.state.states.length === 0).map(state)}
    </svg>
  );
}
const MachineFrame = memo(function MachineFrame({ box }: { readonly box: DrawnState }) {
  return (
    <g class="machine" aria-hidden="true">
      <rect x={box.x} y={box.y} width={box.width} height={box.height} rx={10} />
      <text class="state-title" x={box.x + SIZE.padX} y={box.y + 20}>
        {box.state.key}
      </text>
      <Lines box={box} />
    </g>
  );
});
interface StateProps {
  readonly box: DrawnState;
  readonly count: number;
  readonly total: number;
  readonly selected: boolean;
  readonly here: boolean;
  readonly breaks: boolean;
  readonly stop: boolean;
  readonly onFocus: (path: string) => void;
  readonly onSelect: (path: string) => void;
  readonly onMenu: (path: string, x: number, y: number) => void;
}
const StateBox = memo(
  function StateBox({ box, count, total, selected, here, breaks, stop, onFocus, onSelect, onMenu }: StateProps) {
    const { state, x, y, width, height } = box;
    const classes = ['state', `state-${state.type}`, `level-${levelOf(count, total)}`];
    if (selected) classes.push('selected');
    if (here) classes.push('here');
    return (
      <g
        class={classes.join(' ')}
        role="button"
        aria-pressed={selected}
        aria-label={spoken(state, count, here, breaks)}
        tabindex={stop ? 0 : -1}
        data-path={state.path}
        onFocus={() => onFocus(state.path)}
        onClick={() => onSelect(state.path)}
        onContextMenu={(event) => {
          event.preventDefault();
          onMenu(state.path, event.clientX, event.clientY);
        }}
      >
        {state.description !== undefined && <title>{state.description}</title>}
        <rect class="focus-ring" x={x - 4} y={y - 4} width={width + 8} height={height + 8} rx={10} />
        <rect class="state-box" x={x} y={y} width={width} height={height} rx={7} />
        {state.type === 'final' && (
          <rect class="state-inner" x={x + 3} y={y + 3} width={width - 6} height={height - 6} rx={5} />
        )}
        {breaks && <circle class="break-mark" cx={x} cy={y + 15} r={5} />}
        <text class="state-title" x={x + SIZE.padX} y={y + 20}>
          {state.type === 'history' ? `${state.key} (history)` : state.key}
        </text>
        <text class="state-count" x={x + width - SIZE.padX} y={y + 20}>
          {count === 0 ? '' : count.toLocaleString('en')}
        </text>
        <Lines box={box} />
      </g>
    );
  },
  // Callbacks are made anew with every drawing and do the same.
  (a, b) =>
    a.box === b.box &&
    a.count === b.count &&
    levelOf(a.count, a.total) === levelOf(b.count, b.total) &&
    a.selected === b.selected &&
    a.here === b.here &&
    a.breaks === b.breaks &&
    a.stop === b.stop,
);
function Lines({ box }: { readonly box: DrawnState }) {
  return (
    <>
      {box.lines.map((line, i) => (
        <text
          key={i}
          class={`state-line line-${line.kind}`}
          x={box.x + SIZE.padX}
          y={box.y + SIZE.title + 11 + i * SIZE.line}
        >
          {line.text}
        </text>
      ))}
    </>
  );
}
const spoken = (state: ChartState, count: number, here: boolean, breaks: boolean): string =>
  [
    state.path,
    state.type === 'atomic' ? '' : state.type,
    `${count} ${count === 1 ? 'actor' : 'actors'}`,
    here ? 'the followed actor is here' : '',
    breaks ? 'breakpoint' : '',
  ]
    .filter((part) => part !== '')
    .join(', ');
/** 0: nobody; 1 to 4: a growing share of all. */
const levelOf = (count: number, total: number): number =>
  count === 0 || total === 0 ? 0 : Math.min(4, 1 + Math.floor((count / total) * 4));
