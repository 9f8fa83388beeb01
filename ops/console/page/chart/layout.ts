import type { ElkExtendedEdge, ElkNode } from 'elkjs/lib/elk-api.js';
import { isBelow, labelOf, type Chart, type ChartState, type ChartTransition } from './model.ts';

/** Sizes in CSS pixels; the style sheet's classes of the same parts have the same fonts. */
export const SIZE = { padX: 12, title: 30, line: 16, mark: 12, count: 44, minWidth: 92, labelLine: 15 } as const;
/** Width of a text in pixels. */
export type Measure = (text: string, font: 'title' | 'small' | 'label') => number;

export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Box extends Point {
  readonly width: number;
  readonly height: number;
}
export interface DrawnState extends Box {
  readonly state: ChartState;
  readonly lines: readonly StateLine[];
}
/** What a state does by itself, said inside of its box. */
export interface StateLine {
  readonly kind: 'invoke' | 'entry' | 'exit' | 'internal';
  readonly text: string;
}
export interface DrawnEdge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly points: readonly Point[];
  readonly label: (Box & { readonly lines: readonly string[] }) | undefined;
  readonly transitions: readonly ChartTransition[];
  /** It leads from an initial mark. */
  readonly initial: boolean;
}
export interface DrawnMark extends Box {
  readonly kind: 'initial' | 'any';
}
export interface Drawing {
  readonly width: number;
  readonly height: number;
  readonly states: readonly DrawnState[];
  readonly edges: readonly DrawnEdge[];
  readonly marks: readonly DrawnMark[];
}
interface EdgeDraft {
  readonly from: string;
  readonly to: string;
  readonly source: string;
  readonly target: string;
  readonly transitions: ChartTransition[];
  readonly initial: boolean;
}

const stateId = (path: string): string => `s:${path}`;
const initialId = (path: string): string => `i:${path}`;
const anyId = (path: string): string => `a:${path}`;
export const ANY_TEXT = 'any state';

/** The lines inside of a state's box: actors that run in it, what it does on the way in and out, events it only acts on. */
export function linesOf(chart: Chart, state: ChartState): StateLine[] {
  const line =
    (kind: StateLine['kind'], word: string) =>
    (name: string): StateLine => ({ kind, text: `${word}${clip(name, 34)}` });
  return [
    ...state.invokes.map(line('invoke', 'runs ')),
    ...state.entry.map(line('entry', 'entry / ')),
    ...state.exit.map(line('exit', 'exit / ')),
    ...chart.transitions
      .filter((t) => t.internal && t.source === state.path)
      .map((t) => line('internal', '')(labelOf(t, true))),
  ];
}
const clip = (text: string, to: number): string => (text.length > to ? `${text.slice(0, to - 1)}…` : text);

/** The graph as ELK wants it. Transitions with the same ends share an edge; those of a whole region start at "any state". */
export function toGraph(chart: Chart, measure: Measure): { graph: ElkNode; edges: ReadonlyMap<string, EdgeDraft> } {
  const drafts = new Map<string, EdgeDraft>();
  const anys = new Set<string>();
  const initials = new Set<string>();
  const draft = (from: string, to: string, e: Omit<EdgeDraft, 'from' | 'to' | 'transitions'>): EdgeDraft => {
    const key = `${from}>${to}`;
    const known = drafts.get(key);
    if (known !== undefined) return known;
    const made = { from, to, ...e, transitions: [] };
    drafts.set(key, made);
    return made;
  };
  for (const state of chart.states) {
    if (state.initial === undefined || !chart.byPath.has(state.initial)) continue;
    initials.add(state.path);
    draft(initialId(state.path), stateId(state.initial), { source: state.path, target: state.initial, initial: true });
  }
  for (const t of chart.transitions) {
    if (t.internal) continue;
    const inside = isBelow(t.target, t.source);
    if (inside) anys.add(t.source);
    // Entering a state from below it is entering it anew: the way leads to its initial mark.
    const up = isBelow(t.source, t.target) && initials.has(t.target);
    if (isBelow(t.source, t.target) && !up) anys.add(t.target);
    const from = inside ? anyId(t.source) : stateId(t.source);
    const to = up ? initialId(t.target) : isBelow(t.source, t.target) ? anyId(t.target) : stateId(t.target);
    draft(from, to, { source: t.source, target: t.target, initial: false }).transitions.push(t);
  }
  const node = (state: ChartState): ElkNode => {
    const lines = linesOf(chart, state);
    const top = SIZE.title + lines.length * SIZE.line + (lines.length > 0 ? 6 : 0);
    const width = Math.max(
      SIZE.minWidth,
      measure(state.key, 'title') + SIZE.padX * 2 + SIZE.count,
      ...lines.map((l) => measure(l.text, 'small') + SIZE.padX * 2),
    );
    if (state.states.length === 0) return { id: stateId(state.path), width, height: top };
    return {
      id: stateId(state.path),
      layoutOptions: {
        'elk.padding': `[top=${top + 14},left=18,bottom=18,right=18]`,
        'elk.nodeSize.constraints': 'MINIMUM_SIZE',
        'elk.nodeSize.minimum': `(${width},${top})`,
      },
      children: [
        ...(initials.has(state.path) ? [{ id: initialId(state.path), width: SIZE.mark, height: SIZE.mark }] : []),
        ...(anys.has(state.path)
          ? [{ id: anyId(state.path), width: measure(ANY_TEXT, 'small') + 20, height: 22 }]
          : []),
        ...state.states.map((s) => node(chart.byPath.get(s.path)!)),
      ],
    };
  };
  const reach = reachOf(chart);
  const edges = new Map([...drafts.values()].map((d, i) => [`e${i}`, d]));
  const elkEdges: ElkExtendedEdge[] = [...edges].map(([id, d]) => {
    const lines = labelLines(d);
    return {
      id,
      sources: [d.from],
      targets: [d.to],
      // What leads away from the start points down, so that charts read from the top.
      layoutOptions: {
        'elk.layered.priority.direction': d.initial || reach.get(d.source)! < reach.get(d.target)! ? '10' : '0',
      },
      ...(lines.length > 0
        ? {
            labels: [
              {
                text: lines.join('\n'),
                width: Math.max(...lines.map((l) => measure(l, 'label'))) + 10,
                height: lines.length * SIZE.labelLine + 4,
              },
            ],
          }
        : {}),
    };
  });
  return {
    graph: {
      id: 'chart',
      layoutOptions: {
        'elk.algorithm': 'layered',
        'elk.direction': 'DOWN',
        'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
        'elk.json.edgeCoords': 'ROOT',
        'elk.json.shapeCoords': 'ROOT',
        'elk.padding': '[top=12,left=12,bottom=12,right=12]',
        'elk.edgeRouting': 'ORTHOGONAL',
        'elk.spacing.nodeNode': '28',
        'elk.spacing.edgeNode': '16',
        'elk.spacing.edgeEdge': '12',
        'elk.spacing.edgeLabel': '4',
        'elk.spacing.labelNode': '6',
        'elk.layered.spacing.nodeNodeBetweenLayers': '30',
        'elk.layered.spacing.edgeNodeBetweenLayers': '14',
        'elk.layered.spacing.edgeEdgeBetweenLayers': '12',
        'elk.layered.considerModelOrder.strategy': 'NODES_AND_EDGES',
        'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
        'elk.layered.feedbackEdges': 'true',
        'elk.edgeLabels.inline': 'true',
        'elk.layered.edgeLabels.sideSelection': 'ALWAYS_DOWN',
      },
      children: [node(chart.states[0]!)],
      edges: elkEdges,
    },
    edges,
  };
}
/** How many transitions each state is away from the start. */
function reachOf(chart: Chart): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const next = [''];
  for (const path of next) {
    const at = found.get(path) ?? 0;
    found.set(path, at);
    const state = chart.byPath.get(path)!;
    const reached = [
      ...(state.type === 'parallel' ? state.states.map((s) => s.path) : [state.initial]),
      ...chart.transitions.filter((t) => t.source === path).map((t) => t.target),
    ];
    for (const target of reached)
      if (target !== undefined && chart.byPath.has(target) && !found.has(target)) {
        found.set(target, at + 1);
        next.push(target);
      }
  }
  // What cannot be reached comes last.
  for (const { path } of chart.states) if (!found.has(path)) found.set(path, chart.states.length);
  return found;
}
/** ELK's answer as what is drawn. */
export function fromGraph(chart: Chart, laid: ElkNode, edges: ReadonlyMap<string, EdgeDraft>): Drawing {
  const states: DrawnState[] = [];
  const marks: DrawnMark[] = [];
  const visit = (n: ElkNode): void => {
    const box = { x: n.x ?? 0, y: n.y ?? 0, width: n.width ?? 0, height: n.height ?? 0 };
    const path = n.id.slice(2);
    const state = n.id.startsWith('s:') ? chart.byPath.get(path) : undefined;
    if (state !== undefined) states.push({ ...box, state, lines: linesOf(chart, state) });
    else if (n.id.startsWith('i:')) marks.push({ ...box, kind: 'initial' });
    else if (n.id.startsWith('a:')) marks.push({ ...box, kind: 'any' });
    for (const child of n.children ?? []) visit(child);
  };
  for (const child of laid.children ?? []) visit(child);
  const drawn = (laid.edges ?? []).flatMap((e): DrawnEdge[] => {
    const d = edges.get(e.id);
    const section = e.sections?.[0];
    if (d === undefined || section === undefined) return [];
    const label = e.labels?.[0];
    return [
      {
        id: e.id,
        source: d.source,
        target: d.target,
        points: [section.startPoint, ...(section.bendPoints ?? []), section.endPoint],
        label:
          label === undefined
            ? undefined
            : {
                x: label.x ?? 0,
                y: label.y ?? 0,
                width: label.width ?? 0,
                height: label.height ?? 0,
                lines: labelLines(d),
              },
        transitions: d.transitions,
        initial: d.initial,
      },
    ];
  });
  return { width: laid.width ?? 0, height: laid.height ?? 0, states, edges: drawn, marks };
}
const labelLines = (d: EdgeDraft): string[] => [...new Set(d.transitions.map((t) => clip(labelOf(t), 40)))];
/** A path of straight lines with rounded corners. */
export function roundedPath(points: readonly Point[], radius = 6): string {
  const [first, ...rest] = points;
  if (first === undefined) return '';
  let d = `M${first.x} ${first.y}`;
  for (let i = 0; i < rest.length; i++) {
    const at = rest[i]!;
    const next = rest[i + 1];
    if (next === undefined) {
      d += `L${at.x} ${at.y}`;
      continue;
    }
    const before = points[i]!;
    const r = Math.min(radius, distance(before, at) / 2, distance(at, next) / 2);
    const a = towards(at, before, r);
    const b = towards(at, next, r);
    d += `L${a.x} ${a.y}Q${at.x} ${at.y} ${b.x} ${b.y}`;
  }
  return d;
}
const distance = (a: Point, b: Point): number => Math.hypot(a.x - b.x, a.y - b.y);
const towards = (from: Point, to: Point, by: number): Point => {
  const length = distance(from, to) || 1;
  return { x: from.x + ((to.x - from.x) * by) / length, y: from.y + ((to.y - from.y) * by) / length };
};
