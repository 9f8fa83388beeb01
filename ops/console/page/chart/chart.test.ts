import ELK from 'elkjs';
import { describe, expect, it } from 'vitest';
import { createMachine } from 'xstate';
import { machineInfoOf } from '../../machine-info.ts';
import { machines } from '../../machines.ts';
import { fromGraph, roundedPath, toGraph, type Box, type Drawing } from './layout.ts';
import {
  countsByState,
  eventText,
  isBelow,
  labelOf,
  readChart,
  statesText,
  withAncestors,
  type Chart,
} from './model.ts';

const elk = new ELK.default();
const measure = (text: string): number => text.length * 7;
const drawings = new Map<Chart, Promise<Drawing>>();
const draw = (chart: Chart): Promise<Drawing> => {
  const { graph, edges } = toGraph(chart, measure);
  const drawing = drawings.get(chart) ?? elk.layout(graph).then((laid) => fromGraph(chart, laid, edges));
  drawings.set(chart, drawing);
  return drawing;
};
const charts = [...(await machines())].map(([id, { machine, about }]) =>
  readChart(machineInfoOf(machine, { id, about, source: 'cluster' })),
);
const chartOf = (config: Parameters<typeof createMachine>[0]): Chart =>
  readChart(machineInfoOf(createMachine(config), { id: 'm', about: '', source: 'external' }));
const inside = (a: Box, b: Box): boolean =>
  a.x >= b.x && a.y >= b.y && a.x + a.width <= b.x + b.width + 0.5 && a.y + a.height <= b.y + b.height + 0.5;
const apart = (a: Box, b: Box): boolean =>
  a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;

describe.each(charts.map((chart) => [chart.id, chart] as const))('the drawing of %s', (_id, chart) => {
  it('has every state inside of its parent and apart from its siblings', async () => {
    const drawing = await draw(chart);
    const boxes = new Map(drawing.states.map((s) => [s.state.path, s]));
    expect([...boxes.keys()].sort()).toEqual(chart.states.map((s) => s.path).sort());
    for (const a of drawing.states) {
      if (a.state.parent !== undefined) expect(inside(a, boxes.get(a.state.parent)!)).toBe(true);
      for (const b of drawing.states)
        if (a !== b && a.state.parent === b.state.parent)
          expect(apart(a, b), `${a.state.path} ${b.state.path}`).toBe(true);
    }
  });
  it('draws each transition, and a start for each state that has one', async () => {
    const drawing = await draw(chart);
    expect(new Set(drawing.edges.flatMap((e) => e.transitions))).toEqual(
      new Set(chart.transitions.filter((t) => !t.internal)),
    );
    const said = drawing.states.flatMap((s) => s.lines.filter((l) => l.kind === 'internal'));
    expect(said).toHaveLength(chart.transitions.filter((t) => t.internal).length);
    expect(drawing.edges.filter((e) => e.initial).map((e) => e.source)).toEqual(
      chart.states.filter((s) => s.initial !== undefined).map((s) => s.path),
    );
    for (const edge of drawing.edges) {
      expect(edge.points.length).toBeGreaterThanOrEqual(2);
      expect(edge.label === undefined).toBe(edge.transitions.length === 0);
      expect(roundedPath(edge.points)).toMatch(/^M[\d.]+ [\d.]+([LQ][\d. -]+)+$/);
    }
  });
});

it('draws what only other programs have: transitions to ancestors, history, nested parallels', async () => {
  const chart = chartOf({
    id: 'odd',
    type: 'parallel',
    states: {
      a: {
        initial: 'one',
        states: {
          one: { on: { up: '#odd.a', all: '#odd' } },
          hist: { type: 'history' },
          two: { type: 'parallel', states: { x: {}, y: { initial: 'z', states: { z: { type: 'final' } } } } },
        },
        on: { again: { target: '#odd.a', reenter: true }, back: '.hist' },
      },
      b: {},
    },
    on: { nothing: {} },
  });
  const drawing = await draw(chart);
  expect(drawing.states).toHaveLength(9);
  expect(new Set(drawing.edges.flatMap((e) => e.transitions.map((t) => t.event)))).toEqual(
    new Set(['up', 'all', 'again', 'back']),
  );
  expect(drawing.marks.map((m) => m.kind)).toContain('any');
});

describe('counts', () => {
  it('sums up what is below, and counts the regions of a parallel state once', () => {
    const chart = chartOf({
      id: 'c',
      initial: 'on',
      states: {
        off: {},
        on: {
          type: 'parallel',
          states: {
            left: { initial: 'p', states: { p: {}, q: {} } },
            right: { initial: 'r', states: { r: {} } },
          },
        },
      },
    });
    const counts = countsByState(chart, new Map([['off', 2], ['on.left.p', 1], ['on.left.q', 3], ['on.right.r', 4], ['gone', 9]])); // prettier-ignore
    expect(Object.fromEntries(counts)).toEqual({
      '': 6, off: 2, on: 4, 'on.left': 4, 'on.left.p': 1, 'on.left.q': 3, 'on.right': 4, 'on.right.r': 4,
    }); // prettier-ignore
  });
});

describe('words', () => {
  it.each([
    ['', 'always'],
    ['pod.deleted', 'pod.deleted'],
    ['xstate.done.actor.sync', 'done sync'],
    ['xstate.error.actor.0.a.b', 'error 0.a.b'],
    ['xstate.after.backoff.key.backingOff', 'after backoff'],
    ['xstate.init', 'start'],
  ])('calls %j %j', (type, text) => expect(eventText(type)).toBe(text));
  it('names the states, regions joined', () => {
    expect(statesText(['a.b', 'c'])).toBe('a.b + c');
    expect(statesText([])).toBe('none');
    expect([...withAncestors(['a.b.c'])].sort()).toEqual(['', 'a', 'a.b', 'a.b.c']);
  });
  it('takes a name that begins alike for no state below', () => {
    expect(isBelow('pulling', 'pull')).toBe(false);
    expect(isBelow('pull.a', 'pull')).toBe(true);
    expect(isBelow('pull', '')).toBe(true);
    expect(isBelow('', '')).toBe(false);
  });
  it('labels a transition with its guard, and with its actions if asked', () => {
    const t = { source: 'a', targets: ['b'], event: 'e', label: 'e', guard: 'isX', actions: ['f', 'g'] };
    expect(labelOf(t)).toBe('e [isX]');
    expect(labelOf(t, true)).toBe('e [isX] / f, g');
  });
});
