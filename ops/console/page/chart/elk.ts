import elkApi, { type ELK, type ElkNode } from 'elkjs/lib/elk-api.js';
import type { Chart } from './model.ts';
import { fromGraph, toGraph, type Drawing, type Measure } from './layout.ts';

let elk: ELK | undefined;
const drawings = new WeakMap<Chart, Promise<Drawing>>();

/** The drawing of a chart, laid out once in a worker and kept as long as the chart. */
export function drawingOf(chart: Chart): Promise<Drawing> {
  const known = drawings.get(chart);
  if (known !== undefined) return known;
  const { graph, edges } = toGraph(chart, measure);
  const made = layout(graph).then((laid) => fromGraph(chart, laid, edges));
  drawings.set(chart, made);
  return made;
}
/** Lays out any graph in the same worker. */
export function layout(graph: ElkNode): Promise<ElkNode> {
  elk ??= new elkApi.default({ workerUrl: 'elk-worker.js' });
  return elk.layout(graph);
}

const FONTS = {
  title: '600 13px system-ui, sans-serif',
  small: '11px system-ui, sans-serif',
  label: '11px system-ui, sans-serif',
};
let canvas: CanvasRenderingContext2D | null | undefined;
export const measure: Measure = (text, font) => {
  canvas ??= document.createElement('canvas').getContext('2d');
  if (!canvas) return text.length * 6.5;
  canvas.font = FONTS[font];
  return Math.ceil(canvas.measureText(text).width);
};
