import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMachine, type AnyStateMachine, type StateNode } from 'xstate';
import { toConfig } from './config.ts';
import { exportMachines } from '../cli/commands/machines.ts';
import { machineInfoOf } from './machine-info.ts';
import { chartsOf, machines } from './machines.ts';
import { toMermaid } from './mermaid.ts';
import type { StateInfo } from './protocol.ts';

const root = join(import.meta.dirname, '../..');
const chartFiles = ['actors', 'node-agent'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((f) => /(^|\/|-)machine\.ts$/.test(f))
    .map((f) => join(root, folder, f)),
);
const charts = await machines();
const all = [...charts].map(([name, { machine }]) => ({ name, machine }));
const nodesOf = (machine: AnyStateMachine): StateNode[] => {
  const below = (node: StateNode): StateNode[] => [node, ...Object.values(node.states).flatMap((n) => below(n))];
  return below(machine.root as StateNode);
};

describe('the list of charts', () => {
  it('has every chart of the product, under its own id', async () => {
    expect(chartFiles.length).toBeGreaterThan(8);
    const exported = (await Promise.all(chartFiles.map((f) => import(f) as Promise<object>))).flatMap(chartsOf);
    expect(new Set(exported.map((m) => m.id)).size).toBe(exported.length);
    expect([...charts.keys()].sort()).toEqual(exported.map((m) => m.id).sort());
  });
  it.each([...charts])('says what %s is the life of', (_name, { about }) => expect(about).not.toBe(''));
});

describe.each(all)('$name', ({ machine }) => {
  it('is a valid stateDiagram-v2', () => {
    const lines = toMermaid(machine).split('\n');
    expect(lines[0]).toBe('stateDiagram-v2');
    const declared = new Set(lines.map((l) => /^ +state "[^"]*" as (\w+)( \{)?$/.exec(l)?.[1]));
    let open = 0;
    for (const line of lines.slice(1)) {
      expect(line).toMatch(
        /^ +(state "[^"]*" as \w+( \{)?|\}|--|(\[\*\]|\w+) --> (\[\*\]|\w+)(: [^:;#"{}]+)?|note right of \w+: [^:;#"{}]+)$/,
      );
      const ends = /^ +(\S+) --> ([^\s:]+)|note right of (\w+)/.exec(line);
      for (const end of ends?.slice(1) ?? []) if (end !== undefined && end !== '[*]') expect(declared).toContain(end);
      open += line.endsWith('{') ? 1 : line.trim() === '}' ? -1 : 0;
      expect(open).toBeGreaterThanOrEqual(0);
    }
    expect(open).toBe(0);
  });
  it('draws every state once and each of its transitions', () => {
    const text = toMermaid(machine);
    for (const node of nodesOf(machine).slice(1)) {
      const id = node.id.replaceAll(/[^A-Za-z0-9]/g, '_');
      expect(text.match(new RegExp(` as ${id}( \\{)?$`, 'gm'))).toHaveLength(1);
      const transitions = [...node.transitions.values(), node.always ?? []].flat();
      expect(text.match(new RegExp(`^ *${id} --> \\w`, 'gm')) ?? []).toHaveLength(transitions.length);
    }
  });
  it('is the same chart when opened from its JSON', () => {
    const json = JSON.stringify(toConfig(machine));
    const opened = createMachine(JSON.parse(json) as Parameters<typeof createMachine>[0]);
    expect(toMermaid(opened)).toBe(toMermaid(machine));
    expect(nodesOf(opened).map((n) => n.invoke.map((i) => i.id))).toEqual(
      nodesOf(machine).map((n) => n.invoke.map((i) => i.id)),
    );
  });
  it('is told to the page with each state and transition, and where they lead', () => {
    const info = machineInfoOf(machine, { id: machine.id, about: '', source: 'cluster' });
    const statesOf = (state: StateInfo): StateInfo[] => [state, ...state.states.flatMap(statesOf)];
    const states = statesOf(info.root);
    const paths = new Set(states.map((state) => state.path));
    expect([...paths].sort()).toEqual(nodesOf(machine).map((n) => n.path.join('.')).sort()); // prettier-ignore
    const transitions = nodesOf(machine).flatMap((n) => [...n.transitions.values(), n.always ?? []].flat());
    expect(info.transitions).toHaveLength(transitions.length);
    for (const t of info.transitions) {
      for (const end of [t.source, ...t.targets]) expect(paths).toContain(end);
      expect(t.label).not.toBe('');
    }
    for (const state of states) if (state.type === 'compound') expect(paths).toContain(state.initial);
    expect(JSON.parse(JSON.stringify(info))).toEqual(info);
  });
});

describe('the export', () => {
  it('writes each chart as a file that createMachine opens, and one of Mermaid', async () => {
    const out = mkdtempSync(join(tmpdir(), 'kubus-machines-'));
    try {
      await exportMachines([], { out: join(out, 'all'), format: 'all', output: 'json' });
      expect(readdirSync(join(out, 'all')).sort()).toEqual(
        all.flatMap(({ name }) => [`${name}.json`, `${name}.mmd`]).sort(),
      );
      for (const { name, machine } of all) {
        const config = JSON.parse(readFileSync(join(out, 'all', `${name}.json`), 'utf8')) as object;
        const opened = createMachine(config as Parameters<typeof createMachine>[0]);
        expect(opened.id).toBe(name);
        expect(nodesOf(opened).map((n) => n.id)).toEqual(nodesOf(machine).map((n) => n.id));
        expect(readFileSync(join(out, 'all', `${name}.mmd`), 'utf8')).toBe(`${toMermaid(machine)}\n`);
      }
      await exportMachines(['pod'], { out: join(out, 'one'), format: 'mermaid', output: 'json' });
      expect(readdirSync(join(out, 'one'))).toEqual(['pod.mmd']);
      await expect(exportMachines(['none'], { out, format: 'all', output: 'json' })).rejects.toThrow('choose from');
      await expect(exportMachines([], { out: '/dev/null/x', format: 'all', output: 'json' })).rejects.toThrow('--out');
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  });
});
