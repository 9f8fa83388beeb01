import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { cacheDir } from '../cluster/paths.ts';
import { run } from './run.ts';

export interface Chromium {
  readonly path: string;
  /** For libraries that are not the system's. */
  readonly env: Readonly<Record<string, string>>;
  /** Chromium refuses to sandbox for root, as in a container of a CI. */
  readonly args: readonly string[];
}
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chromium-headless-shell'];

/**
 * A Chromium to test pages in: on PATH, in the cache, or fetched once from the machine's own Debian mirror with all that it
 * needs and the system lacks, unpacked into the cache (no root, nothing on the system changes). Throws where none can be had.
 */
export async function findChromium(note: (text: string) => void = () => undefined): Promise<Chromium> {
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  for (const dir of (process.env['PATH'] ?? '').split(delimiter))
    for (const name of NAMES)
      if (dir !== '' && existsSync(join(dir, name))) return { path: join(dir, name), env: {}, args };
  const cached = join(cacheDir(), 'chromium');
  if (!existsSync(cached)) {
    note('fetching chromium (once)');
    await fetchChromium(cached);
  }
  return {
    path: executableIn(cached),
    env: { LD_LIBRARY_PATH: librariesIn(cached).join(delimiter), FONTCONFIG_PATH: fontsIn(cached) },
    // Its own sandbox is a set-uid program, which one that was only unpacked is not.
    args: ['--no-sandbox'],
  };
}
function executableIn(root: string): string {
  const found = ['usr/lib/chromium/chromium-headless-shell', 'usr/lib/chromium/chromium']
    .map((f) => join(root, f))
    .find((f) => existsSync(f));
  if (found === undefined) throw new Error(`${root} holds no chromium: delete it to fetch it anew`);
  return found;
}
/** Every folder that holds a library: some packages keep one to themselves, which they find by where they are installed. */
function librariesIn(root: string): string[] {
  const files = ['usr/lib', 'lib'].map((d) => join(root, d)).filter((d) => existsSync(d))
    .flatMap((d) => readdirSync(d, { withFileTypes: true, recursive: true }))
    .filter((f) => /\.so(\.|$)/.test(f.name)); // prettier-ignore
  return [...new Set(files.map((f) => f.parentPath))];
}
const fontsIn = (root: string): string =>
  existsSync('/etc/fonts/fonts.conf') ? '/etc/fonts' : join(root, 'etc/fonts');

async function fetchChromium(to: string): Promise<void> {
  const tmp = mkdtempSync(join(tmpdir(), 'kubus-chromium-'));
  try {
    for (const d of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(tmp, d), { recursive: true });
    const options = {
      'Dir::State::Lists': join(tmp, 'lists'),
      'Dir::Cache': join(tmp, 'cache'),
      'APT::Sandbox::User': 'root',
      'Acquire::Languages': 'none',
      'Acquire::Retries': '3',
      'Debug::NoLocking': '1',
    };
    const flags = ['-qq', ...Object.entries(options).map(([k, v]) => `-o${k}=${v}`)];
    await run('apt-get', [...flags, 'update']);
    const wanted = ['--yes', '--no-install-recommends', '--download-only', 'install'];
    await run('apt-get', [...flags, ...wanted, 'chromium-headless-shell', 'fonts-dejavu-core']);
    const archives = join(tmp, 'cache/archives');
    const root = `${to}.${process.pid}`;
    mkdirSync(root, { recursive: true });
    for (const deb of readdirSync(archives).filter((f) => f.endsWith('.deb')))
      await run('dpkg', ['-x', join(archives, deb), root]);
    executableIn(root);
    try {
      renameSync(root, to);
    } catch (error) {
      // Another was quicker.
      if (!existsSync(to)) throw error;
    }
  } finally {
    rmSync(tmp, { recursive: true, force: true });
    rmSync(`${to}.${process.pid}`, { recursive: true, force: true });
  }
}
