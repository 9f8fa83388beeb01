import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildPage } from '../../build/page.ts';
import { findChromium } from '../../fetch/chromium.ts';
import { machineInfoOf } from '../machine-info.ts';
import { machines } from '../machines.ts';
import { startFake, type FakeServer } from './testing/fake-server.ts';

const SIZE = { width: 1280, height: 800 };
interface Axe {
  run(o: { runOnly: readonly string[]; rules: Record<string, { enabled: boolean }> }): Promise<{
    violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
  }>;
}
/** On a busy machine. */
const WAIT = { timeout: 10_000 };
const found = await findChromium().catch((error: unknown) => (error as Error).message);
if (typeof found === 'string') console.log(`the inspector's page is not tested in a browser: ${found}`);

describe.skipIf(typeof found === 'string')("the inspector's page in Chromium", () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubus-page-test-'));
  let browser: Browser;
  let fake: FakeServer;
  let context: BrowserContext;
  let page: Page;
  let problems: string[];

  const start = async (o: {
    count: number;
    stepsPerSecond: number;
    only?: readonly string[];
    canControl?: boolean;
  }) => {
    const list = [...(await machines())]
      .filter(([id]) => o.only === undefined || o.only.includes(id))
      .map(([id, { machine, about }]) => machineInfoOf(machine, { id, about, source: 'cluster' }));
    fake = await startFake({ folder, machines: list, ...o });
  };
  const open = async (options: Parameters<Browser['newContext']>[0] = {}): Promise<void> => {
    context = await browser.newContext({ viewport: SIZE, reducedMotion: 'reduce', ...options });
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    problems = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    page.on('console', (message) => {
      // The machine's own network, as when a container starts beside the test, is no matter of the page.
      if (message.type() === 'error' && !message.text().includes('ERR_NETWORK_CHANGED')) problems.push(message.text());
    });
    await page.goto(`${fake.url}#code=good`);
    await page.locator('svg.drawing').waitFor();
  };
  const state = (path: string) => page.locator(`[data-path="${path}"]`);
  const options = () => page.getByRole('listbox').getByRole('option');
  const follow = async (name: string): Promise<void> => {
    await page.getByRole('searchbox', { name: 'Search actors by name' }).fill(name);
    await expect.poll(() => options().allTextContents(), WAIT).toEqual([expect.stringContaining(name)]);
    await options().click();
    await page.locator('.follow-name', { hasText: name }).waitFor();
  };
  const actor = (n: number) => fake.actors.get(`pod/default/web-0000${n}`)!;
  const send = (n: number, event: string): void => fake.send(`pod/default/web-0000${n}`, event);
  /** What has the focus, by role and name. */
  const focused = (): Promise<string> =>
    page.evaluate(() => {
      const at = document.activeElement!;
      return `${at.getAttribute('role') ?? at.tagName.toLowerCase()} ${at.getAttribute('aria-label') ?? at.textContent}`;
    });

  beforeAll(async () => {
    const { path, env, args } = found as Exclude<typeof found, string>;
    await buildPage(folder);
    browser = await chromium.launch({ executablePath: path, args: [...args], env: { ...process.env, ...env } });
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const end = async (): Promise<void> => {
    await context?.close();
    await fake?.close();
  };

  describe('with few actors at rest', () => {
    // One page for all of them, as a person has: each test takes actors of its own.
    beforeAll(async () => {
      await start({ count: 9, stepsPerSecond: 0, only: ['pod', 'key', 'etcd'] });
      await open();
    });
    afterAll(end);
    afterEach(() => expect(problems.splice(0)).toEqual([]));

    it('clears the code from the address and draws every state once', async () => {
      expect(page.url()).toBe(fake.url);
      for (const id of ['etcd', 'key', 'pod']) {
        await page.getByRole('link', { name: `${id} 9 actors` }).click();
        await page.getByRole('heading', { level: 1, name: id }).waitFor();
        await page.locator('svg.drawing').waitFor();
        const drawn = await page.locator('[data-path]').count();
        await page.getByRole('button', { name: 'Table' }).click();
        // The table has a row for the machine itself.
        expect(await page.locator('.states-table tbody tr').count()).toBe(drawn + 1);
      }
      await page.getByRole('button', { name: 'Diagram' }).click();
    });
    it('can be used with the keyboard alone', async () => {
      const until = async (start: string, key = 'Tab'): Promise<void> => {
        for (let i = 0; i < 40; i++) {
          if ((await focused()).startsWith(start)) return;
          await page.keyboard.press(key);
        }
        throw new Error(`${key} never leads to ${start}`);
      };
      // Once around: charts, states and actors are one stop each, and nothing holds the focus.
      await until('a Skip to the chart');
      let stops = 0;
      do {
        await page.keyboard.press('Tab');
        stops++;
      } while (!(await focused()).startsWith('a Skip') && stops < 40);
      expect(stops).toBeLessThan(20);
      await page.keyboard.press('Enter');
      await expect.poll(focused, WAIT).toMatch(/^main/);
      await until('button arriving');
      await page.keyboard.press('ArrowDown');
      await expect.poll(focused, WAIT).not.toContain('arriving');
      await page.keyboard.press('Home');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 2, name: 'arriving' }).waitFor();
      await expect.poll(() => options().count(), WAIT).toBe(9);
      await until('listbox');
      await page.keyboard.press('End');
      await page.keyboard.press('Enter');
      await page.locator('.follow-name', { hasText: 'web-00008' }).waitFor();
      await until('button arriving', 'Shift+Tab');
      await page.keyboard.press('b');
      await expect.poll(focused, WAIT).toContain('breakpoint');
      await page.keyboard.press('Shift+F10');
      await expect.poll(focused, WAIT).toContain('menuitem');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await expect.poll(focused, WAIT).toBe('button arriving, 9 actors, the followed actor is here');
      await page.keyboard.press('Escape');
      await expect.poll(() => page.getByRole('heading', { level: 2, name: 'arriving' }).count(), WAIT).toBe(0);
    });
    it('counts actors on the states and follows one: where it is, what it hears, what it does', async () => {
      await follow('web-00001');
      expect(await state('arriving').getAttribute('aria-label')).toContain('the followed actor is here');
      send(1, 'pod.lost');
      await expect
        .poll(() => state('killing').getAttribute('aria-label'), WAIT)
        .toContain('the followed actor is here');
      await expect.poll(() => state('killing').getAttribute('aria-label'), WAIT).toContain('1 actor');
      expect(await page.locator('.steps tbody tr').first().textContent()).toMatch(/pod\.lost.*arriving.*killing/);
      await expect
        .poll(() => page.getByRole('status', { name: 'Followed actor' }).textContent(), WAIT)
        .toContain('web-00001 is in killing');
      // Whole again after a break, by itself, and still following.
      const again = page.waitForRequest('**/api/follow');
      fake.breakStreams();
      await again;
      send(1, 'xstate.done.actor.killContainers');
      await expect.poll(() => page.locator('.follow-state').textContent(), WAIT).toBe('gone');
      await expect.poll(() => page.locator('.header-facts').textContent(), WAIT).toContain('Live');
      problems.length = 0;
    });
    it('pauses, steps and resumes it', async () => {
      await follow('web-00002');
      await page.getByRole('button', { name: 'Pause', exact: true }).click();
      await page.getByRole('button', { name: 'Resume' }).waitFor();
      for (const event of ['pod.lost', 'stop', 'pod.lost']) send(2, event);
      await expect
        .poll(() => page.locator('.queue li').allTextContents(), WAIT)
        .toEqual(['pod.lost', 'stop', 'pod.lost']);
      expect(await page.locator('.follow-state').textContent()).toBe('arriving');
      await page.getByRole('button', { name: 'Step' }).click();
      await expect.poll(() => page.locator('.follow-state').textContent(), WAIT).toBe('killing');
      expect(await page.locator('.queue li').count()).toBe(2);
      await page.getByRole('searchbox').fill('');
      await page.getByRole('checkbox', { name: 'Held only' }).check();
      await expect.poll(() => options().count(), WAIT).toBe(1);
      await page.getByRole('checkbox', { name: 'Held only' }).uncheck();
      await page.getByRole('button', { name: 'Resume' }).click();
      await page.getByRole('button', { name: 'Pause', exact: true }).waitFor();
      expect(actor(2).control.mode).toBe('running');
    });
    it('stops at a breakpoint on a state and before an event, and says so at once', async () => {
      await follow('web-00003');
      await state('killing').click({ button: 'right' });
      await page.getByRole('menuitem', { name: /Pause pod.*here/ }).click();
      await expect.poll(() => state('killing').getAttribute('aria-label'), WAIT).toContain('breakpoint');
      send(3, 'pod.lost');
      const said = page.getByRole('alert', { name: 'Held actor' });
      await expect.poll(() => said.textContent(), WAIT).toContain('is paused by its breakpoint: state killing');
      expect(await page.locator('.reason').textContent()).toBe('breakpoint: state killing');
      await page.getByRole('button', { name: 'Remove breakpoint entering killing' }).click();
      await expect.poll(() => actor(3).control.breakpoints, WAIT).toEqual([]);
      await page.getByRole('button', { name: 'Resume' }).click();
      await page.getByRole('combobox', { name: 'Pause at' }).selectOption('event stop');
      await page.getByRole('button', { name: 'Add' }).click();
      await page.locator('.breakpoints').getByText('event stop').waitFor();
      send(3, 'stop');
      await expect.poll(() => page.locator('.queue li').allTextContents(), WAIT).toEqual(['stop']);
      expect(await page.locator('.follow-state').textContent()).toBe('killing');
    });
    it('crashes it when that is confirmed, and shows that it is back', async () => {
      await follow('web-00004');
      send(4, 'pod.lost');
      await page.getByRole('button', { name: 'Crash…' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
      expect(actor(4).control.mode).toBe('running');
      await page.getByRole('button', { name: 'Crash…' }).click();
      await page.getByRole('button', { name: 'Crash it' }).click();
      await page.locator('.follow .tag', { hasText: 'crashed, restarting' }).waitFor();
      fake.restart(actor(4).name);
      await page.locator('.follow .tag', { hasText: 'running' }).waitFor();
      await expect.poll(() => page.locator('.follow-state').textContent(), WAIT).toBe('arriving');
    });
    it('says what the server refuses', async () => {
      await follow('web-00005');
      fake.actors.delete(actor(5).name);
      await page.getByRole('button', { name: 'Pause', exact: true }).click();
      const notice = page.getByRole('complementary', { name: 'Notice' });
      await notice.getByText('there is no actor "pod/default/web-00005"').waitFor();
      await notice.getByRole('button', { name: 'Dismiss' }).click();
      expect(await notice.count()).toBe(0);
      problems.length = 0;
    });
    it('has the landmarks and names that a screen reader goes by', async () => {
      await follow('web-00006');
      const tree = await page.locator('body').ariaSnapshot();
      for (const part of [
        '- banner:',
        '- navigation "Views":',
        '- navigation "Charts":',
        '- main:',
        '- heading "pod" [level=1]',
        '- region "Actors":',
        '- listbox "Actors of pod":',
        '- option "pod/default/web-00006 kubelet-1 arriving" [selected]',
        '- region "Followed actor":',
        '- group "Control of the followed actor":',
        '- button "tending.running, 0 actors"',
      ])
        expect(tree).toContain(part);
    });
    it('has nothing that axe finds wrong', async () => {
      const check = async (only: readonly string[]): Promise<unknown> => {
        // Through the debugger: the page's own policy lets no script in.
        await page.evaluate(axe.source);
        return await page.evaluate(async (runOnly) => {
          const { axe } = window as unknown as { axe: Axe };
          // A state is named without the lines in its box, which the table tells. (Experimental rule.)
          const rules = { 'label-content-name-mismatch': { enabled: false } };
          const { violations } = await axe.run({ runOnly, rules });
          return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html + n.failureSummary).join(' ')}`);
        }, only);
      };
      const all = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
      await page.emulateMedia({ colorScheme: 'light' });
      await state('killing').click();
      expect(await check(all)).toEqual([]);
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await check(['color-contrast'])).toEqual([]);
      await page.getByRole('button', { name: 'Table' }).click();
      expect(await check(all)).toEqual([]);
      await page.getByRole('link', { name: 'Messages' }).click();
      await page.locator('svg.flow').waitFor();
      expect(await check(all)).toEqual([]);
      await page.getByRole('link', { name: 'Charts', exact: true }).click();
      await page.locator('svg.drawing').waitFor();
    });
    it('fits 800 pixels without a scrollbar across', async () => {
      await page.setViewportSize({ width: 800, height: 900 });
      for (const view of ['Messages', 'Charts']) {
        await page.getByRole('link', { name: view, exact: true }).click();
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(800);
      }
      await page.setViewportSize(SIZE);
    });
    it('keeps the theme that was chosen', async () => {
      await page.emulateMedia({ colorScheme: 'light' });
      const background = () =>
        page.evaluate(() => getComputedStyle(document.querySelector('.header')!).backgroundColor);
      const light = await background();
      await page.getByRole('combobox', { name: 'Theme' }).selectOption('dark');
      const dark = await background();
      expect(dark).not.toBe(light);
      await page.reload();
      await page.locator('svg.drawing').waitFor();
      expect(await background()).toBe(dark);
    });
    it('draws each time that it is opened, whatever comes while it is being drawn', async () => {
      for (let i = 0; i < 8; i++) {
        await page.reload();
        await page.locator('svg.drawing').waitFor();
      }
    });
    it('lets who may only look do nothing else', async () => {
      fake.session.canControl = false;
      fake.breakStreams();
      await follow('web-00007');
      await page.getByText('kubernetes-admin may look, but not control.').waitFor();
      await page.getByRole('button', { name: 'Pause', exact: true }).click({ force: true });
      expect(actor(7).control.mode).toBe('running');
      problems.length = 0;
    });
    it('asks for a token when the session has ended', async () => {
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByLabel('Bearer token').fill('bad');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').getByText('the token is not known here').waitFor();
      await page.getByLabel('Bearer token').fill('good');
      await page.keyboard.press('Enter');
      await page.locator('svg.drawing').waitFor();
      problems.length = 0;
    });
  });

  it('draws at least 30 frames a second with 10,000 actors that take 2,000 transitions a second', async () => {
    await start({ count: 5_000, stepsPerSecond: 2_000, only: ['pod', 'key'] });
    await open({ reducedMotion: 'no-preference' });
    await follow('web-00042');
    await page.getByRole('searchbox', { name: 'Search actors by name' }).fill('');
    await expect.poll(() => options().count(), WAIT).toBeGreaterThan(5);
    const frames = page.evaluate(async () => {
      const began = performance.now();
      let n = 0;
      while (performance.now() - began < 3_000) {
        await new Promise(requestAnimationFrame);
        n++;
      }
      return (n * 1000) / (performance.now() - began);
    });
    // Somebody scrolls through the list meanwhile.
    await page.getByRole('listbox').focus();
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('PageDown');
      await page.waitForTimeout(150);
    }
    const rate = await frames;
    console.log(`${rate.toFixed(0)} frames/s with 10,000 actors`);
    expect(rate).toBeGreaterThanOrEqual(30);
    expect(problems).toEqual([]);
    await end();
  });
});
