// The browser, the report, and what is watched on every page: requests, faults, the policy.
import AxeBuilder from '@axe-core/playwright';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

/** Software rendering, so that the map has WebGL without a screen; nothing that calls out by itself. */
const ARGUMENTS = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--no-sandbox', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const WITHOUT_WEBGL = ['--disable-gpu', '--disable-3d-apis'];
/** Impacts of accessibility faults that fail the test. */
const GRAVE = new Set(['serious', 'critical']);

/** Says each check on a line of its own, and remembers whether one failed. */
export class Report {
  passed = 0;
  failed = 0;

  say(isGood, claim, detail = '') {
    if (isGood) this.passed += 1;
    else this.failed += 1;
    console.log(`${isGood ? 'ok  ' : 'FAIL'} ${claim}${isGood || !detail ? '' : `: ${detail}`}`);
  }

  /** Runs one check; what it throws is its failure. */
  async check(claim, run) {
    try {
      const detail = await run();
      this.say(true, claim);
      return detail;
    } catch (cause) {
      this.say(false, claim, String(cause?.message ?? cause).split('\n').slice(0, 4).join(' | '));
      return undefined;
    }
  }
}

/** Fails a check with what was expected. */
export function must(isTrue, detail) {
  if (!isTrue) throw new Error(detail);
}

/** Tries until it no longer fails: what is live may be between two values at any moment. */
export async function eventually(run, limitMs = 15_000) {
  const until = Date.now() + limitMs;
  for (;;) {
    try {
      return await run();
    } catch (cause) {
      if (Date.now() > until) throw cause;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  }
}

export async function launch({ hasWebGl = true } = {}) {
  const executablePath = process.env.ARNO_E2E_CHROMIUM ?? '/usr/bin/chromium';
  return chromium.launch({ executablePath, args: hasWebGl ? ARGUMENTS : [...ARGUMENTS.slice(2), ...WITHOUT_WEBGL] });
}

/** A page that is watched: other origins, failed answers, script faults and policy violations. */
export class Watched {
  outside = new Set();
  faults = [];

  constructor(page, base) {
    this.page = page;
    const own = new URL(base).origin;
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (!['data:', 'blob:'].includes(url.protocol) && url.origin !== own) this.outside.add(request.url());
    });
    page.on('websocket', (socket) => this.outside.add(socket.url()));
    page.on('pageerror', (error) => this.faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') this.faults.push(message.text());
    });
  }

  static async open(browser, base, { lang = 'it', width = 1440, height = 900 } = {}) {
    // The reader sits in another zone than the data: times must not follow the reader's.
    const context = await browser.newContext({ baseURL: base, locale: lang === 'it' ? 'it-IT' : 'en-GB', timezoneId: 'America/New_York', viewport: { width, height } });
    return new Watched(await context.newPage(), base);
  }

  async go(path) {
    await this.page.goto(path);
    await this.page.waitForSelector('main h1');
  }

  /** A picture of the whole page, which must not show what a program says to itself. */
  async picture(folder, name) {
    const text = await this.page.locator('body').innerText();
    const slip = /\[object|\bNaN\b|\bundefined\b|Invalid Date/.exec(text);
    if (slip) throw new Error(`${name} shows "${text.slice(Math.max(0, slip.index - 40), slip.index + 40)}"`);
    await mkdir(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  }

  /** Grave accessibility faults, in words. */
  async accessibility() {
    const found = await new AxeBuilder({ page: this.page }).analyze();
    return found.violations.filter((one) => GRAVE.has(one.impact)).map((one) => `${one.id} (${one.nodes.length}): ${one.nodes[0]?.target.join(' ')}`);
  }

  async close() {
    await this.page.context().close();
  }
}
