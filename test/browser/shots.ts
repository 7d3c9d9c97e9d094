// Pictures of every page and state, for people to look at, with what axe finds on each:
//   node test/browser/shots.ts FOLDER [part of a name]
// FOLDER lies outside the repository. `npm run build` first. Ends with 1 when axe finds something,
// a page scrolls sideways, or the browser's console complains.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { axe, desk, launch, phone, scrollsSideways, serve } from './pages.ts';
import { messages } from '../../web/frontend/payments/view.ts';
import { PayPages } from './pay-pages.ts';
import { payViews } from './pay-views.ts';
import { paymentsPages, paymentsViews } from './payments-views.ts';

type Shot = { name: string; url: string; ready: string };
type Look = { suffix: string; options: BrowserContextOptions };

const [folder, only = ''] = process.argv.slice(2);
if (folder === undefined || path.resolve(folder).startsWith(path.join(import.meta.dirname, '..'))) {
  throw new Error('Name a folder outside the repository.');
}
mkdirSync(folder, { recursive: true });

const looks: readonly Look[] = [
  { suffix: '390', options: { ...phone, locale: 'en-GB' } },
  { suffix: '390-dark', options: { ...phone, locale: 'de-DE', colorScheme: 'dark' } },
  { suffix: '1280', options: { ...desk, locale: 'en-GB' } },
  { suffix: '1280-dark', options: { ...desk, locale: 'de-DE', colorScheme: 'dark' } },
  { suffix: '320', options: { viewport: { width: 320, height: 640 }, locale: 'de-DE' } },
];

const findings: string[] = [];
let pictures = 0;

async function take(page: Page, about: { shot: Shot; look: Look }): Promise<void> {
  const { shot, look } = about;
  const name = `${shot.name}-${look.suffix}`;
  const seen = (message: string): number => findings.push(`${name}: ${message}`);
  page.removeAllListeners('console').removeAllListeners('pageerror');
  page.on('console', (message) => {
    // Chromium reports the 404 of a page that is one on purpose.
    const meant = /status of 404/.test(message.text()) && message.location().url === shot.url;
    if (['error', 'warning'].includes(message.type()) && !meant) seen(message.text());
  });
  page.on('pageerror', (error) => seen(error.message));
  await page.goto(shot.url);
  await page.locator(shot.ready).filter({ visible: true }).first().waitFor();
  await page.evaluate(() => document.fonts.ready);
  await page.waitForTimeout(200);
  const size = look.options.viewport ?? desk.viewport;
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  // A full-page picture would drop the touch screen, and the layout for it.
  await page.setViewportSize({ width: size.width, height: Math.max(size.height, height) });
  await page.screenshot({ path: path.join(folder ?? '.', `${name}.png`), animations: 'disabled' });
  await page.setViewportSize(size);
  pictures += 1;
  for (const finding of await axe(page)) seen(finding);
  if (await scrollsSideways(page)) seen('the page scrolls sideways');
}

async function takeAll(browser: Browser, shots: readonly Shot[]): Promise<void> {
  for (const look of looks) {
    const context = await browser.newContext({ ...look.options, timezoneId: 'Europe/Vienna' });
    const page = await context.newPage();
    for (const shot of shots) await take(page, { shot, look });
    await context.close();
  }
}

const pay = await serve(new PayPages(payViews).listener);
const payments = await serve(paymentsPages);
const browser = await launch();
const shots: Shot[] = [
  ...Object.keys(payViews).map((name) => ({
    name: `pay-${name}`,
    url: `${pay.url}/pay/${name}`,
    ready: '#head',
  })),
  { name: 'pay-not-found', url: `${pay.url}/pay/nothing-here`, ready: '#head' },
  ...[...Object.keys(paymentsViews), ...messages].map((name) => ({
    name: `payments-${name}`,
    url: `${payments.url}/payments/${name}`,
    ready: 'h1',
  })),
].filter(({ name }) => name.includes(only));
await takeAll(browser, shots);
await browser.close();
await pay.close();
await payments.close();

console.log(`${pictures} pictures in ${folder}`);
for (const finding of new Set(findings)) console.error(finding);
if (findings.length > 0 || pictures === 0) process.exitCode = 1;
