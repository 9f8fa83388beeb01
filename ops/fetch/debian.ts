import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  chmodSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { tmpdir } from 'node:os';
import { run } from './run.ts';

/**
 * Takes one file out of a Debian package with apt folders of our own and `dpkg -x`: no root, nothing on the system
 * changes. sid, because the stable suites lag years behind. Throws if there is no apt-get or no Debian mirror.
 */
export async function fetchFromDebian(packages: readonly string[], file: string, to: string): Promise<void> {
  const tmp = mkdtempSync(join(tmpdir(), 'kubus-apt-'));
  try {
    for (const d of ['lists/partial', 'cache/archives/partial', 'root']) mkdirSync(join(tmp, d), { recursive: true });
    writeFileSync(join(tmp, 'status'), '');
    writeFileSync(join(tmp, 'sources.list'), `deb ${signedBy()}${await debianMirror()} sid main\n`);
    const options = {
      'Dir::Etc::sourcelist': join(tmp, 'sources.list'), 'Dir::Etc::sourceparts': '-', 'Dir::State::Lists': join(tmp, 'lists'),
      'Dir::Cache': join(tmp, 'cache'),
      // Another vendor's package of the same name may be installed: an empty status keeps it out of the choice.
      'Dir::State::status': join(tmp, 'status'),
      'APT::Sandbox::User': 'root', 'Acquire::Languages': 'none', 'Acquire::Retries': '3',
    }; // prettier-ignore
    const flags = ['-qq', ...Object.entries(options).map(([k, v]) => `-o${k}=${v}`)];
    await run('apt-get', [...flags, 'update']);
    for (const name of packages) {
      try {
        await run('apt-get', [...flags, 'download', name], { cwd: tmp });
      } catch (error) {
        if (name === packages.at(-1)) throw error;
      }
    }
    for (const deb of readdirSync(tmp).filter((f) => f.endsWith('.deb')))
      await run('dpkg', ['-x', join(tmp, deb), join(tmp, 'root')]);
    if (!existsSync(join(tmp, 'root', file))) throw new Error(`Debian's ${packages.join(', ')} holds no ${file}`);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(join(tmp, 'root', file), `${to}.${process.pid}`);
    chmodSync(`${to}.${process.pid}`, 0o755);
    renameSync(`${to}.${process.pid}`, to);
  } finally {
    rmSync(tmp, { recursive: true, force: true });
  }
}
const signedBy = (): string => {
  const ring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  return existsSync(ring) ? `[signed-by=${ring}] ` : '';
};
/** The machine's own Debian mirror: apt's first source line may belong to another vendor (pitfall 24). */
async function debianMirror(): Promise<string> {
  const targets = await run('apt-get', ['indextargets', '--format', '$(REPO_URI) $(ORIGIN)']).catch(() => '');
  return pickMirror(targets, aptSources());
}
function aptSources(): string {
  const parts = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...(existsSync(parts) ? readdirSync(parts).map((f) => join(parts, f)) : [])];
  return files
    .filter((f) => existsSync(f))
    .map((f) => readFileSync(f, 'utf8'))
    .join('\n');
}
/** Pure: `targets` are lines `URI ORIGIN` of `apt-get indextargets`, `sources` the text of the source lists. */
export function pickMirror(targets: string, sources: string): string {
  for (const line of targets.split('\n')) {
    const [uri, origin] = line.split(' ');
    if (uri && origin === 'Debian') return uri;
  }
  const before = /(?:^|\s)(https?:\/\/\S+\/debian\/?)(?=\s|$)/m.exec(sources.replace(/^\s*#.*$/gm, ''));
  if (before?.[1]) return before[1];
  throw new Error('apt knows no Debian mirror');
}
