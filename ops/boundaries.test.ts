import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const roots = ['schemas', 'bus', 'actors', 'node-agent', 'ops'];
const files = roots
  .flatMap((r) => readdirSync(join(root, r), { recursive: true, encoding: 'utf8' }).map((f) => join(r, f)))
  .filter((f) => /\.tsx?$/.test(f) && !f.startsWith('schemas/generated/'));
const product = files.filter((f) => !f.endsWith('.test.ts') && !f.includes('/testing/') && !f.includes('/testdata/'));
const source = (file: string): string => readFileSync(join(root, file), 'utf8');
const importsOf = (file: string): string[] =>
  [...source(file).matchAll(/(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g)].map(([, s]) =>
    s!.startsWith('.') ? normalize(join(dirname(file), s!)) : s!,
  );
/** The room of a file: actors/scheduler, actors/controllers/replicaset, ... */
const room = (path: string): string =>
  path
    .split('/')
    .slice(0, path.startsWith('actors/controllers/') ? 3 : 2)
    .join('/');
const isTest = (file: string): boolean => file.endsWith('.test.ts');

const rules: [string, RegExp, (to: string, from: string) => boolean][] = [
  ['only bus/ imports nats', /^(?!bus\/)/, (to, from) => isTest(from) || !/^@nats-io\/|^nats$/.test(to)],
  [
    'schemas/ is a leaf',
    /^schemas\//,
    (to, from) => isTest(from) || !roots.includes(to.split('/')[0]!) || to.startsWith('schemas/'),
  ],
  [
    'bus/ stands on schemas/ alone',
    /^bus\//,
    (to, from) =>
      !/^(actors|node-agent|ops)\//.test(to) || (from.startsWith('bus/nats/testing/') && to === 'ops/nats/find.ts'),
  ],
  [
    'actors/runtime stands below the actors',
    /^actors\/runtime\//,
    (to, from) => isTest(from) || !/^(actors|node-agent|ops)\//.test(to) || to.startsWith('actors/runtime/'),
  ],
  [
    'actors never import each other',
    /^actors\//,
    (to, from) =>
      isTest(from) ||
      !/^(actors|node-agent|ops)\//.test(to) ||
      room(to) === 'actors/runtime' ||
      room(to) === room(from),
  ],
  [
    'node agents import no actor but runtime',
    /^node-agent\//,
    (to, from) => isTest(from) || !/^(actors|ops)\//.test(to) || room(to) === 'actors/runtime',
  ],
  ['machine.ts and reconcile.ts are pure', /\/(machine|reconcile)\.ts$/, (to) => !/^(bus\/|node:)/.test(to)],
  [
    'only the etcd actor asks for the log',
    /^actors\/(?!etcd\/)/,
    (to, from) => isTest(from) || from.includes('/testing/') || !/^bus\/(nats|memory)\/log|^bus\/log/.test(to),
  ],
];
describe('who may import whom', () => {
  it('sees the sources', () => expect(product.length).toBeGreaterThan(150));
  it.each(rules)('%s', (_name, scope, ok) => {
    const inScope = files.filter((f) => scope.test(f));
    expect(inScope.length).toBeGreaterThan(0);
    expect(
      inScope.flatMap((f) =>
        importsOf(f)
          .filter((to) => !ok(to, f))
          .map((to) => `${f} -> ${to}`),
      ),
    ).toEqual([]);
  });
});

describe('nobody but the World reads clocks, timers, randomness or the environment', () => {
  const forbidden =
    /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|(?<![.\w])setTimeout\(|(?<![.\w])setInterval\(|(?<![.\w])setImmediate\(|randomUUID\(|performance\.now\(|\bprocess\.(env|hrtime)/;
  /** The World's own making, and what drives the simulated one. */
  const allowed = new Set(['bus/real-world.ts', 'bus/memory/simulation.ts']);
  it('holds in schemas, bus, actors and node-agent', () => {
    const scope = product.filter((f) => !f.startsWith('ops/') && !allowed.has(f));
    expect(scope.length).toBeGreaterThan(100);
    const broken = scope.flatMap((f) =>
      source(f)
        .split('\n')
        .flatMap((line, i) =>
          forbidden.test(line.replace(/\/\/.*|^\s*\*.*|^\s*\/\*.*/, '')) ? [`${f}:${i + 1}: ${line.trim()}`] : [],
        ),
    );
    expect(broken).toEqual([]);
  });
});
