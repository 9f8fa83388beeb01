import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium } from '../fetch/chromium.ts';
import { isolatedEnv, upForTest, type TestCluster } from '../testing/cluster.ts';

const found = await findChromium().catch((error: unknown) => (error as Error).message);
if (typeof found === 'string') console.log(`the inspector is not tested in a browser: ${found}`);
const WAIT = { timeout: 20_000 };

/** What a person sees who opens the inspector of a cluster and works with kubectl beside it. */
describe.skipIf(typeof found === 'string')('the inspector of a cluster', { timeout: 60_000 }, () => {
  let cluster: TestCluster;
  let inspector: ChildProcess;
  let browser: Browser;
  let page: Page;
  /** Where XState programs send their frames. */
  let stately: string;
  const problems: string[] = [];
  const count = async (state: string): Promise<number> =>
    Number(/(\d+) actors?/.exec((await page.locator(`[data-path="${state}"]`).getAttribute('aria-label')) ?? '')?.[1]);
  const show = async (machine: string): Promise<void> => {
    await page.getByRole('link', { name: new RegExp(`^${machine} [\\d,]+ actors?$`) }).click();
    await page.getByRole('heading', { level: 1, name: machine }).waitFor();
    await page.locator('svg.drawing').waitFor();
  };
  const options = () => page.getByRole('listbox').getByRole('option');
  const followState = () => page.locator('.follow-state').textContent();
  const button = (name: string) => page.getByRole('button', { name, exact: true });

  beforeAll(async () => {
    const { path, env, args } = found as Exclude<typeof found, string>;
    browser = await chromium.launch({ executablePath: path, args: [...args], env: { ...process.env, ...env } });
    cluster = await upForTest(['--ephemeral']);
    const main = join(import.meta.dirname, '../cli/main.ts');
    inspector = spawn(
      process.execPath,
      [main, 'inspect', '--name', cluster.name, '--port', '0', '--no-open', '--output', 'json', '--stately', '0'],
      { env: isolatedEnv(cluster.dir), stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let said = '';
    const url = await new Promise<string>((resolve, reject) => {
      inspector.stdout!.on('data', (d: Buffer) => {
        said += d.toString();
        if (!/^\}$/m.test(said)) return;
        const told = JSON.parse(said) as { url: string; stately: { in: string } };
        stately = told.stately.in;
        resolve(told.url);
      });
      inspector.once('exit', (code) => reject(new Error(`kubus inspect ended with ${code}: ${said}`)));
    });
    const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      // The machine's own network, as when a container starts beside the test, is no matter of the page; and a component that
      // fell silent for a while, on a busy machine, is asked again.
      if (message.type() === 'error' && !/ERR_NETWORK_CHANGED|status of 503/.test(message.text()))
        problems.push(`${message.text()} ${message.location().url}`);
    });
    await page.goto(url);
    await page.locator('svg.drawing').waitFor();
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    if (inspector?.exitCode === null) {
      const over = new Promise((resolve) => inspector.once('exit', resolve));
      inspector.kill('SIGTERM');
      await over;
    }
    await cluster?.stop();
  });

  it('shows a Deployment on its way through the charts', async () => {
    await show('key');
    // Keys live for a moment only, so they are followed by name, before there is one.
    await page.getByRole('searchbox').fill('deployment/default/web');
    await page.getByRole('button', { name: 'Follow deployment/default/web when it comes' }).click();
    await cluster.kubectl(['create', 'deployment', 'web', '--image=web', '--replicas=3']);
    const steps = page.locator('.steps tbody tr');
    await expect
      .poll(() => steps.allTextContents(), WAIT)
      .toContainEqual(expect.stringMatching(/worker\.assigned.*queued.*syncing/));
    await expect
      .poll(() => steps.allTextContents(), WAIT)
      .toContainEqual(expect.stringMatching(/done sync.*syncing.*idle/));
    await show('pod');
    await expect.poll(() => count('tending.running'), WAIT).toBe(3);
    await cluster.kubectl(['scale', 'deployment', 'web', '--replicas=5']);
    await expect.poll(() => count('tending.running'), WAIT).toBe(5);
    await expect.poll(() => options().count(), WAIT).toBe(5);
  });
  it('pauses a pod, keeps what it should hear, steps and resumes it', async () => {
    const [pod] = (await cluster.kubectl(['get', 'pods', '-o', 'name'])).split('\n').map((l) => l.replace('pod/', ''));
    await page.getByRole('searchbox').fill(pod!);
    await expect.poll(() => options().count(), WAIT).toBe(1);
    await options().click();
    await expect.poll(followState, WAIT).toBe('tending.running');
    await button('Pause').click();
    await button('Resume').waitFor();
    await cluster.kubectl(['delete', 'pod', pod!, '--wait=false']);
    await expect.poll(() => page.locator('.queue li').allTextContents(), WAIT).toContain('pod.deleted');
    expect(await followState()).toBe('tending.running');
    await button('Step').click();
    await expect.poll(followState, WAIT).toBe('terminating');
    await button('Resume').click();
    await expect.poll(() => page.locator('.steps').textContent(), WAIT).toMatch(/terminating → removing/);
    await expect.poll(followState, WAIT).toBe('not there now');
    await expect.poll(() => count('tending.running'), WAIT).toBe(5);
  });
  it('stops at a breakpoint', async () => {
    await page.getByRole('searchbox').fill('');
    await expect.poll(() => options().count(), WAIT).toBe(5);
    await options().first().click();
    await expect.poll(followState, WAIT).toBe('tending.running');
    const name = (await page.locator('.follow-name').textContent())!.split('/').at(-1)!;
    await page.getByRole('combobox', { name: 'Pause at' }).selectOption('state terminating');
    await button('Add').click();
    await page.locator('.breakpoints').getByText('entering terminating').waitFor();
    await cluster.kubectl(['delete', 'pod', name, '--wait=false']);
    await expect
      .poll(() => page.getByRole('alert', { name: 'Held actor' }).textContent(), WAIT)
      .toContain('is paused by its breakpoint: state terminating');
    await button('Resume').click();
    await expect.poll(followState, WAIT).toBe('not there now');
  });
  it('crashes an actor, which comes back', async () => {
    await show('scheduler');
    await expect.poll(() => options().count(), WAIT).toBe(1);
    await options().first().click();
    // Not merely another state than before: what the pane showed last is still there for a moment.
    await expect.poll(followState, WAIT).toBe('scheduling');
    await button('Crash…').click();
    await button('Crash it').click();
    // What runs now has gone its way from the start.
    await expect.poll(() => page.locator('.steps').textContent(), WAIT).toContain('done syncCaches');
    await expect.poll(followState, WAIT).toBe('scheduling');
    await cluster.kubectl(['scale', 'deployment', 'web', '--replicas=7']);
    await show('pod');
    await expect.poll(() => count('tending.running'), WAIT).toBe(7);
  });
  it('shows a program from outside like its own', async () => {
    const socket = new WebSocket(stately);
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', reject);
    });
    const send = (frame: object): void => socket.send(JSON.stringify({ sessionId: 'x:0', rootId: 'x:0', createdAt: '0', _version: '0.7.2', ...frame })); // prettier-ignore
    const snapshot = (value: string) => ({ status: 'active', value, context: {} });
    const definition = JSON.stringify({
      id: 'traffic',
      initial: 'red',
      states: { red: { on: { go: 'green' } }, green: { after: { 2000: 'red' } } },
    });
    send({ type: '@xstate.actor', name: 'crossing', definition, snapshot: snapshot('red') });
    await show('traffic');
    await expect.poll(() => count('red'), WAIT).toBe(1);
    await expect.poll(() => options().count(), WAIT).toBe(1);
    await options().first().click();
    send({ type: '@xstate.event', event: { type: 'go' } });
    send({ type: '@xstate.snapshot', event: { type: 'go' }, snapshot: snapshot('green') });
    await expect.poll(followState, WAIT).toBe('green');
    await expect.poll(() => count('green'), WAIT).toBe(1);
    await expect.poll(() => page.locator('.steps tbody tr').allTextContents(), WAIT).toContainEqual(expect.stringMatching(/go.*red.*green/)); // prettier-ignore
    socket.close();
    await expect.poll(() => page.getByRole('link', { name: /^traffic/ }).count(), WAIT).toBe(0);
  });
  it('tells which component says what to which', async () => {
    await page.getByRole('link', { name: 'Messages' }).click();
    await page.locator('svg.flow').waitFor();
    const rows = page.locator('.table tbody tr');
    await expect
      .poll(() => rows.allTextContents(), WAIT)
      .toContainEqual(expect.stringMatching(/^controller:replicaset.*apiserver.*api create pods/));
    await expect
      .poll(() => rows.allTextContents(), WAIT)
      .toContainEqual(expect.stringMatching(/^apiserver.*etcd.*etcd put/));
    expect(problems).toEqual([]);
  });
});
