import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { cacheDir } from '../cluster/paths.ts';
import { UserError } from '../cli/output.ts';
import { fetchFromDebian } from './debian.ts';
import { run } from './run.ts';

/** Source: notes on JetStream, pitfall 17: below it a hard kill during a purge can empty a stream. */
export const MINIMUM_NATS = [2, 14] as const;

/** The official release for machines without Debian packages; checksums as published with it. */
const RELEASE = {
  version: '2.14.1',
  sha256: {
    x64: '4638c389af67d4c747f5b3e6a9d363bfe8f6b86de37d7c4ee3a36b283a5c2ce2',
    arm64: '0bdd20ad850e66a484dcb126f6ce610079520b56d9e8518d099e0864ab8171a1',
  } as Readonly<Record<string, string>>,
};

export const isRecentEnough = (versionLine: string): boolean => {
  const m = /v?(\d+)\.(\d+)\.\d+/.exec(versionLine);
  return (
    m !== null &&
    (Number(m[1]) > MINIMUM_NATS[0] || (Number(m[1]) === MINIMUM_NATS[0] && Number(m[2]) >= MINIMUM_NATS[1]))
  );
};
/** Path of a nats-server >= 2.14: the cache, PATH, Debian's package, the official release. `note` is told what is fetched. */
export async function findNatsServer(note: (text: string) => void = () => undefined): Promise<string> {
  const cached = join(cacheDir(), 'bin', 'nats-server');
  if (existsSync(cached)) return cached;
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(dir, 'nats-server');
    if (dir !== '' && existsSync(candidate) && isRecentEnough(await run(candidate, ['--version']).catch(() => '')))
      return candidate;
  }
  note('fetching nats-server (once)');
  const failures: string[] = [];
  for (const [from, fetch] of [
    ['Debian', () => fetchFromDebian(['nats-server'], 'usr/sbin/nats-server', cached)],
    ['the official release', () => fetchRelease(cached)],
  ] as const) {
    try {
      await fetch();
      const version = await run(cached, ['--version']);
      if (isRecentEnough(version)) return cached;
      throw new Error(`it is ${version.trim()}`);
    } catch (error) {
      rmSync(cached, { force: true });
      failures.push(`${from}: ${(error as Error).message}`);
    }
  }
  throw new UserError(
    `nats-server ${MINIMUM_NATS.join('.')} or newer is needed and cannot be fetched (${failures.join('; ')}): put one on PATH and run this again`,
  );
}
async function fetchRelease(to: string): Promise<void> {
  const sum = RELEASE.sha256[process.arch];
  if (sum === undefined) throw new Error(`no release is known for ${process.arch}`);
  const name = `nats-server-v${RELEASE.version}-linux-${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const answer = await fetch(
    `https://github.com/nats-io/nats-server/releases/download/v${RELEASE.version}/${name}.tar.gz`,
  );
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (createHash('sha256').update(bytes).digest('hex') !== sum)
    throw new Error('the archive does not match its checksum');
  const tmp = mkdtempSync(join(tmpdir(), 'kubus-nats-'));
  try {
    writeFileSync(join(tmp, 'a.tar.gz'), bytes);
    await run('tar', ['-xzf', 'a.tar.gz'], { cwd: tmp });
    mkdirSync(join(to, '..'), { recursive: true });
    chmodSync(join(tmp, name, 'nats-server'), 0o755);
    await run('cp', [join(tmp, name, 'nats-server'), `${to}.${process.pid}`]);
    renameSync(`${to}.${process.pid}`, to);
  } finally {
    rmSync(tmp, { recursive: true, force: true });
  }
}
