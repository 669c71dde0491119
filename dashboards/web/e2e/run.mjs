// Tries the pages in a real browser against a running Arno, one line a check, exit code 1 if one fails.
//
//   ARNO_E2E_URL       the address of the running Arno (required)
//   ARNO_E2E_OUT       folder for the pictures (default: test-output/dashboards)
//   ARNO_E2E_PUBLISH   shell command that publishes one reading; it gets ARNO_E2E_THING, ARNO_E2E_VEHICLES
//                      and ARNO_E2E_TIME in its environment. Without it the live check is skipped, loudly
//   ARNO_E2E_THING     the car park to publish for (default: the first of the fullest municipality)
//   ARNO_E2E_CHROMIUM  the browser (default: /usr/bin/chromium)
import { launch, Report, Watched } from './browser.mjs';
import * as flows from './flows.mjs';
import * as pages from './pages.mjs';
import { Source } from './source.mjs';

const base = process.env.ARNO_E2E_URL;
const out = process.env.ARNO_E2E_OUT ?? 'test-output/dashboards';
if (!base) {
  console.error('ARNO_E2E_URL is not set: it names the running Arno, for instance http://127.0.0.1:8080');
  process.exit(2);
}

const PAGES = [
  ['region', pages.region], ['municipality', pages.area], ['place', pages.place], ['access-point', pages.accessPoint],
  ['data', pages.data], ['missing', pages.missing],
];

const report = new Report();
const source = new Source(base);
const browser = await launch();
try {
  const subjects = await source.subjects();
  console.log(`     ${subjects.root.name}, ${subjects.town.name}, ${subjects.lot.id}, ${subjects.accessPoint?.id ?? 'no access point'}, ${subjects.clock} clock`);
  for (const lang of ['it', 'en']) {
    const watched = await Watched.open(browser, base, { lang });
    for (const [name, visit] of PAGES) {
      if (name === 'access-point' && !subjects.accessPoint) continue;
      await visit({ report, watched, source, subjects, lang }).catch((cause) => report.say(false, `${name} (${lang})`, cause.message));
      if (name === 'municipality') await watched.go(`/comuni/${subjects.town.id}`);
      await watched.page.waitForTimeout(name === 'municipality' ? 2500 : 500); // for the picture alone
      await watched.picture(out, `${name}-${lang}`);
      await report.check(`${name} (${lang}): no grave accessibility fault`, async () => {
        const found = await watched.accessibility();
        if (found.length) throw new Error(found.join('; '));
      });
    }
    report.say(watched.outside.size === 0, `(${lang}) no request left the page's own origin`, [...watched.outside].join(', '));
    report.say(watched.faults.length === 0, `(${lang}) no script fault, failed answer or policy violation`, [...new Set(watched.faults)].join(' | '));
    await watched.close();
  }
  const watched = await Watched.open(browser, base);
  const context = { report, watched, source, subjects, browser, base, out };
  for (const flow of [flows.language, flows.addresses, flows.keyboard, flows.live, flows.interruption, flows.withoutWebGl, flows.smallScreen]) await flow(context);
  report.say(watched.outside.size === 0, '(flows) no request left the page\'s own origin', [...watched.outside].join(', '));
} catch (cause) {
  report.say(false, 'the test itself', cause.stack);
} finally {
  await browser.close();
}
console.log(`${report.passed} passed, ${report.failed} failed`);
process.exitCode = report.failed ? 1 : 0;
