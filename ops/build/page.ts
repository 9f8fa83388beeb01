import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The files of the inspector's page, flat, in `folder`. Needs the sources and esbuild. */
export async function buildPage(folder: string): Promise<void> {
  const root = join(import.meta.dirname, '../..');
  const page = join(root, 'ops/console/page');
  const { build } = await import('esbuild');
  mkdirSync(folder, { recursive: true });
  await build({
    entryPoints: [
      { in: join(page, 'main.tsx'), out: 'app' },
      { in: join(page, 'styles/style.css'), out: 'style' },
    ],
    outdir: folder,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    logLevel: 'error',
  });
  for (const file of ['index.html', 'icon.svg']) cpSync(join(page, file), join(folder, file));
  // Draws in a worker of its own, and only when a chart is opened: 1.6 MB that need no bundling.
  cpSync(join(root, 'node_modules/elkjs/lib/elk-worker.min.js'), join(folder, 'elk-worker.js'));
}
/** Where the page's files lie: beside the bundle, or built now where the sources run. */
export async function pageFolder(): Promise<string> {
  const beside = join(import.meta.dirname, 'page');
  if (existsSync(join(beside, 'index.html'))) return beside;
  const folder = mkdtempSync(join(tmpdir(), 'kubus-page-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await buildPage(folder);
  return folder;
}
