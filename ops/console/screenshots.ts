#!/usr/bin/env node
/**
 * `node ops/console/screenshots.ts`: starts a cluster, puts an application on it and takes the pictures of the inspector
 * that the README shows, light and dark, into docs/images.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { findChromium } from '../fetch/chromium.ts';
import { isolatedEnv, upForTest } from '../testing/cluster.ts';

const root = join(import.meta.dirname, '../..');
const images = join(root, 'docs/images');
const MAX_BYTES = 200_000;

const { path, env, args } = await findChromium((text) => console.log(text));
const dir = mkdtempSync(join(tmpdir(), 'kubus-screenshots-'));
const cluster = await upForTest(['--ephemeral', '--nodes', '3'], { dir, name: 'kubus' });
const inspector = spawn(
  process.execPath,
  [join(root, 'ops/cli/main.ts'), 'inspect', '--name', 'kubus', '--port', '0', '--no-open', '--output', 'json'],
  { env: isolatedEnv(dir), stdio: ['ignore', 'pipe', 'inherit'] },
);
const browser = await chromium.launch({ executablePath: path, args: [...args], env: { ...process.env, ...env } });
try {
  let said = '';
  const url = await new Promise<string>((resolve, reject) => {
    inspector.stdout.on('data', (d: Buffer) => {
      said += d.toString();
      const address = /"url": "([^"]+)"/.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    });
    inspector.once('exit', (code) => reject(new Error(`kubus inspect ended with ${code}: ${said}`)));
  });
  mkdirSync(images, { recursive: true });
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  await page.goto(url);
  await page.locator('svg.drawing').waitFor();
  await cluster.kubectl(['create', 'deployment', 'web', '--image=web', '--replicas=12']);
  await cluster.kubectl(['rollout', 'status', 'deployment/web']);
  await page.getByRole('listbox').getByRole('option').nth(2).click();
  await page.getByRole('combobox', { name: 'Pause at' }).selectOption('state terminating');
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.locator('.breakpoints').waitFor();
  const name = (await page.locator('.follow-name').textContent())!.split('/').at(-1)!;
  await cluster.kubectl(['delete', 'pod', name, '--wait=false']);
  await page.locator('.reason').waitFor();
  await both(page, 'chart');
  await page.getByRole('link', { name: 'Messages' }).click();
  await page.locator('svg.flow').waitFor();
  await cluster.kubectl(['scale', 'deployment', 'web', '--replicas=40']);
  await cluster.kubectl(['rollout', 'status', 'deployment/web']);
  // The lines are drawn anew when somebody speaks for the first time.
  await page.waitForTimeout(1_000);
  await both(page, 'messages');
} finally {
  await browser.close();
  inspector.kill('SIGTERM');
  await cluster.stop();
  rmSync(dir, { recursive: true, force: true });
}
async function both(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const file = join(images, `inspector-${name}-${colorScheme}.png`);
    await page.screenshot({ path: file });
    const { size } = statSync(file);
    console.log(`${file}: ${Math.round(size / 1000)} kB`);
    if (size > MAX_BYTES) throw new Error(`${file} is larger than ${MAX_BYTES} bytes`);
  }
}
