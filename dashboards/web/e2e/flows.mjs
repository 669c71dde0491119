// What happens between pages and over time: language, history, keyboard, live, no WebGL, a small screen.
import { spawn } from 'node:child_process';
import { eventually, launch, must, Watched } from './browser.mjs';

/** A published reading must be on the page within this. */
const LIVE_DELAY_MS_MAX = 1000;
/** Without a map beside it the list still shows about ten rows. */
const LIST_PX_MIN = 350;

export async function language({ report, watched }) {
  const { page } = watched;
  await report.check('language: the switch changes texts, `lang` and the address, and is kept', async () => {
    await watched.go('/');
    must((await page.locator('html').getAttribute('lang')) === 'it', 'does not begin in Italian');
    await page.locator('.head-lang [data-choice="en"]').click();
    await page.locator('.head nav a', { hasText: 'Territory' }).waitFor();
    must((await page.locator('html').getAttribute('lang')) === 'en', 'the document is not marked English');
    must(new URL(page.url()).searchParams.get('lang') === 'en', 'the address does not carry the language');
    await page.goto('/dati');
    await page.locator('h1', { hasText: 'Data' }).waitFor();
    await page.locator('.head-lang [data-choice="it"]').click();
    await page.locator('h1', { hasText: 'Dati' }).waitFor();
  });
}

export async function addresses({ report, watched, subjects }) {
  const { page } = watched;
  await report.check('address: choices stand in it, and the back button takes them back', async () => {
    await watched.go('/');
    await page.locator(`tr[data-row="${subjects.town.id}"] a`).click();
    await page.waitForURL(`**/comuni/${subjects.town.id}**`);
    await page.locator('.period [data-choice="30"]').click();
    must(page.url().includes('days=30'), page.url());
    await page.reload();
    await page.locator('.period [data-choice="30"][aria-pressed="true"]').waitFor();
    await page.goBack();
    await page.locator('.period [data-choice="7"][aria-pressed="true"]').waitFor();
    await page.goBack();
    await page.locator('#map-title').waitFor();
    must(new URL(page.url()).pathname === '/', page.url());
  });
}

export async function keyboard({ report, watched }) {
  const { page } = watched;
  await report.check('keyboard: the first stop skips to the content; every stop is visible', async () => {
    await watched.go('/dati');
    await page.keyboard.press('Tab');
    must((await page.evaluate(() => document.activeElement.className)) === 'skip', 'the first stop is another');
    await page.keyboard.press('Enter');
    must((await page.evaluate(() => document.activeElement.id)) === 'content', 'the content has no focus');
    for (let stop = 0; stop < 12; stop += 1) {
      await page.keyboard.press('Tab');
      const isSeen = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== 'none');
      must(isSeen, `stop ${stop} has no visible focus`);
    }
  });
}

function run(command, environment) {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', command], { env: { ...process.env, ...environment }, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the publishing command ended with ${code}`))));
  });
}

/** Publishes a reading by the command that the caller gives, and waits for it on the page. */
export async function live({ report, watched, source, subjects }) {
  const { page } = watched;
  const command = process.env.ARNO_E2E_PUBLISH;
  if (!command) {
    console.log('SKIP live: ARNO_E2E_PUBLISH names no command that publishes (it gets ARNO_E2E_THING, ARNO_E2E_VEHICLES, ARNO_E2E_TIME)');
    return;
  }
  const { lot } = subjects;
  await report.check('live: the feed says that it is connected', async () => {
    await watched.go(`/luoghi/${lot.id}?lang=it`);
    await page.locator('[data-feed="live"]').waitFor({ timeout: 10_000 });
    await page.locator('[data-figure="free"] .key-value').waitFor();
  });
  for (const share of [0.31, 0.77]) {
    await report.check(`live: a published reading is on the page within ${LIVE_DELAY_MS_MAX} ms`, async () => {
      const { items: [row], now } = await source.get(`/api/v1/products/parking_now?thing=${lot.id}&level=thing`);
      const capacity = row?.capacity || lot.capacity;
      let vehicles = Math.round(capacity * share);
      if (row?.vehicles === vehicles) vehicles += 1;
      const expected = new Intl.NumberFormat('it-IT', { useGrouping: 'always' }).format(capacity - vehicles);
      const shown = page.waitForFunction(
        (text) => document.querySelector('[data-figure="free"] .key-value')?.textContent === text && performance.timeOrigin + performance.now(),
        expected, { polling: 10, timeout: 10_000 },
      );
      shown.catch(() => undefined);
      await run(command, { ARNO_E2E_THING: lot.id, ARNO_E2E_VEHICLES: String(vehicles), ARNO_E2E_TIME: now });
      const published = Date.now();
      const seen = await (await shown).jsonValue();
      must(seen - published < LIVE_DELAY_MS_MAX, `took ${Math.round(seen - published)} ms`);
      console.log(`     ${Math.max(0, Math.round(seen - published))} ms after the publishing command had ended`);
    });
  }
}

export async function interruption({ report, watched }) {
  const { page } = watched;
  await report.check('live: without the feed the page says so and polls; it recovers by itself', async () => {
    await page.route('**/api/v1/live**', (route) => route.abort());
    await watched.go('/');
    await page.locator('[data-feed="polling"]').waitFor({ timeout: 10_000 });
    await page.unroute('**/api/v1/live**');
    await page.locator('[data-feed="live"]').waitFor({ timeout: 20_000 });
    watched.faults = watched.faults.filter((fault) => !fault.includes('ERR_FAILED'));
  });
  await report.check('faults: a refusal is shown with its reason and a way to try again', async () => {
    const problem = { status: 503, contentType: 'application/problem+json', body: JSON.stringify({ title: 'busy', detail: 'the store is being compacted', status: 503 }) };
    await page.route('**/api/v1/products/parking_now**', (route) => route.fulfill(problem));
    await watched.go('/');
    await page.locator('.failed', { hasText: 'the store is being compacted' }).first().waitFor();
    await page.unroute('**/api/v1/products/parking_now**');
    await page.locator('.failed button').first().click();
    await page.locator('[data-figure="free"] .key-value').waitFor();
    watched.faults = watched.faults.filter((fault) => !fault.includes('503'));
  });
}

/** The same page without WebGL: the table does the map's work. */
export async function withoutWebGl({ report, base, out }) {
  const browser = await launch({ hasWebGl: false });
  try {
    const watched = await Watched.open(browser, base, { width: 1280, height: 900 });
    await report.check('no WebGL: the page says so, and the table carries the figures', async () => {
      await watched.go('/');
      await watched.page.locator('[data-map="none"]').waitFor({ timeout: 20_000 });
      await watched.page.locator('table.figures tbody tr').first().waitFor();
      const { height } = await watched.page.locator('.panel-list .table-scroll').boundingBox();
      must(height >= LIST_PX_MIN, `the list is ${Math.round(height)} px high`);
      await watched.picture(out, 'region-no-webgl');
    });
  } finally {
    await browser.close();
  }
}

/** On a telephone nothing runs off to the side. */
export async function smallScreen({ report, browser, base, subjects, out }) {
  const watched = await Watched.open(browser, base, { width: 390, height: 844 });
  for (const [name, path] of [['region', '/'], ['municipality', `/comuni/${subjects.town.id}`], ['data', '/dati']]) {
    await report.check(`small screen: ${name} fits its width`, async () => {
      await watched.go(path);
      await eventually(async () => must((await watched.page.locator('.waiting').count()) === 0, 'still loading'));
      if (name !== 'data') await watched.page.waitForSelector('[data-map="ready"] canvas', { timeout: 30_000 });
      const [inner, whole] = await watched.page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
      if (name === 'region') {
        const [shown, wide] = await watched.page.locator('.panel-list .table-scroll').evaluate((table) => [table.clientWidth, table.scrollWidth]);
        must(wide <= shown, `the table is ${wide} px wide in ${shown} px`);
      }
      must(whole <= inner, `${whole} px on a screen of ${inner} px`);
      await watched.picture(out, `${name}-small`);
    });
  }
  await watched.close();
}
