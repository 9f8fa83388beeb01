import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createMachine, type AnyStateMachine, type StateNode } from 'xstate';
import { toConfig } from './config.ts';
import { chartsOf, machines } from './machines.ts';
import { toMermaid } from './mermaid.ts';

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
});
