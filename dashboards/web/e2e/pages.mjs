// What each page must show: the interface's own figures, and nothing else's.
import { eventually, must } from './browser.mjs';
import { kindOf, number, percent, UNKNOWN } from './source.mjs';

const figure = (page, id) => page.locator(`[data-figure="${id}"] .key-value`).innerText();

/** The key figures of a page equal the interface's row. */
async function keyFiguresEqual(page, source, question, lang) {
  await eventually(async () => {
    const { items } = await source.get(question);
    const kind = kindOf(items);
    const row = items.find((one) => one.vehicle_kind === kind);
    must(row, `no row for ${question}`);
    const free = row.free === null ? UNKNOWN[lang] : number(row.free, lang);
    const occupancy = percent(row.occupancy, lang, 1) ?? UNKNOWN[lang];
    const shown = [await figure(page, 'free'), await figure(page, 'occupancy'), await figure(page, 'known')];
    const expected = [free, occupancy, percent(row.known_share, lang) ?? UNKNOWN[lang]];
    must(JSON.stringify(shown) === JSON.stringify(expected), `shown ${shown.join(' · ')}, answered ${expected.join(' · ')}`);
  });
}

export async function region({ report, watched, source, subjects, lang }) {
  const { page } = watched;
  const { root, kind } = subjects;
  await watched.go('/');
  await report.check(`region (${lang}): starts from the widest administrative area`, async () => {
    must((await page.locator('main h1').innerText()) === root.name, `starts from ${await page.locator('main h1').innerText()}, not ${root.name}`);
  });
  await report.check(`region (${lang}): key figures equal the interface's`, () => keyFiguresEqual(page, source, `/api/v1/products/parking_now?area=${root.id}`, lang));
  await report.check(`region (${lang}): every municipality's row equals the interface's`, async () => {
    const question = `/api/v1/products/parking_now?area=${root.id}&level=municipality`;
    let open = new Set((await source.all(question)).filter((row) => row.vehicle_kind === kind && row.things > 0 && row.area !== 'outside').map((row) => row.area));
    must(open.size > 0, 'no municipality has rows');
    await eventually(async () => {
      const rows = await source.all(question);
      for (const row of rows.filter((one) => one.vehicle_kind === kind && open.has(one.area))) {
        const cells = page.locator(`tr[data-row="${row.area}"]`);
        const free = await cells.locator('[data-column="free"]').innerText();
        const occupancy = (await cells.locator('[data-column="occupancy"]').innerText()).trim();
        if (free === number(row.free, lang) && occupancy === (percent(row.occupancy, lang) ?? UNKNOWN[lang])) open.delete(row.area);
      }
      must(open.size === 0, `differ: ${[...open].join(', ')}`);
    });
  });
  await report.check(`region (${lang}): the map is drawn`, async () => {
    await page.waitForSelector('[data-map="ready"] canvas', { timeout: 30_000 });
  });
}

export async function area({ report, watched, source, subjects, lang }) {
  const { page } = watched;
  const { town, root, areas } = subjects;
  await watched.go(`/comuni/${town.id}?days=1`);
  await report.check(`municipality (${lang}): the way up is administrative and begins at the start page`, async () => {
    const names = await page.locator('.crumbs a').allInnerTexts();
    const groups = areas.filter((area) => area.level === 'group').map((area) => area.name);
    must(town.id === root.id || names[0] === root.name, `begins with ${names[0]}`);
    must(!names.some((name) => groups.includes(name)), `leads through a group: ${names.join(' / ')}`);
  });
  await report.check(`municipality (${lang}): key figures equal the interface's`, () => keyFiguresEqual(page, source, `/api/v1/products/parking_now?area=${town.id}`, lang));
  for (const id of ['history', 'week', 'wifi', 'completeness']) {
    await report.check(`municipality (${lang}): ${id} has a chart with its description`, async () => {
      const labelled = page.locator(`#${id} [role="img"][aria-label]`).first();
      await labelled.waitFor({ timeout: 20_000 });
      must((await labelled.getAttribute('aria-label')).length > 20, 'the description says nothing');
    });
  }
  await report.check(`municipality (${lang}): the last hours equal the interface's`, () => historyEquals(watched, source, lang));
  await report.check(`municipality (${lang}): hidden wifi cells are said to be hidden, and none is a zero`, () => wifiEquals(watched, source, lang));
}

/** Opens a panel's table by its switch; the address carries it. */
async function openTable(page, id) {
  await page.locator(`#${id} [data-choice="table"]`).click();
  must(new URL(page.url()).searchParams.get('tables')?.split(',').includes(id), 'the address does not carry the table');
  await page.locator(`#${id} table.figures tbody tr`).first().waitFor();
}

async function csvOf(page, source, id) {
  const at = await page.locator(`#${id} a.csv`).getAttribute('href');
  const response = await fetch(new URL(at, source.base));
  must(response.ok, `${at} answered ${response.status}`);
  must(response.headers.get('content-type').startsWith('text/csv'), `${at} is ${response.headers.get('content-type')}`);
  const lines = (await response.text()).trim().split(/\r?\n/);
  return { at, head: lines[0].split(','), rows: lines.length - 1 };
}

async function historyEquals(watched, source, lang) {
  const { page } = watched;
  await openTable(page, 'history');
  const { at, head, rows } = await csvOf(page, source, 'history');
  must(head.includes('occupancy') && head.includes('bucket_start'), `CSV columns: ${head}`);
  const items = await source.all(at.replace(/[?&]format=csv/, ''));
  must(rows === items.length, `CSV has ${rows} rows, JSON ${items.length}`);
  const kind = kindOf(await source.all(at.split('?')[0].replace('parking_occupancy', 'parking_now') + `?area=${page.url().match(/it-[a-z]+-\d+/)[0]}`));
  const closed = items.filter((row) => row.vehicle_kind === kind && !row.open);
  must(closed.length > 0, 'no closed hour');
  for (const row of closed) {
    const shown = (await page.locator(`#history tr[data-row="${row.bucket_start}"] [data-column="occupancy"]`).innerText()).trim();
    const expected = percent(row.occupancy, lang) ?? UNKNOWN[lang];
    must(shown === expected, `${row.bucket_start}: shown ${shown}, answered ${expected}`);
  }
}

async function wifiEquals(watched, source, lang) {
  const { page } = watched;
  await openTable(page, 'wifi');
  const { at } = await csvOf(page, source, 'wifi');
  const items = (await source.all(at.replace(/[?&]format=csv/, ''))).filter((row) => !row.open);
  for (const row of items) {
    const shown = (await page.locator(`#wifi tr[data-row="${row.bucket_start}"] [data-column="mean"]`).innerText()).trim();
    const hidden = lang === 'it' ? 'nascosto: pochi dispositivi' : 'hidden: few devices';
    const expected = row.suppressed ? hidden : row.clients_mean === null ? UNKNOWN[lang] : number(Math.round(row.clients_mean * 10) / 10, lang);
    must(shown === expected, `${row.bucket_start}: shown ${shown}, answered ${expected}`);
  }
}

export async function place({ report, watched, source, subjects, lang }) {
  const { page } = watched;
  await watched.go(`/luoghi/${subjects.lot.id}`);
  await report.check(`place (${lang}): key figures equal the interface's`, () => keyFiguresEqual(page, source, `/api/v1/products/parking_now?thing=${subjects.lot.id}&level=thing`, lang));
  await report.check(`place (${lang}): its last days are drawn`, () => page.locator('#history [role="img"]').waitFor({ timeout: 20_000 }));
}

export async function accessPoint({ report, watched, subjects, lang }) {
  const { page } = watched;
  await watched.go(`/luoghi/${subjects.accessPoint.id}`);
  await report.check(`access point (${lang}): explains why it shows no figures, and shows none`, async () => {
    await page.locator('#why h2').waitFor();
    must((await page.locator('.key-figures').count()) === 0, 'figures of a single access point');
  });
}

export async function data({ report, watched, source, lang }) {
  const { page } = watched;
  await watched.go('/dati');
  await report.check(`data (${lang}): lists every product, and its columns`, async () => {
    for (const product of await source.all('/api/v1/products')) {
      await page.locator(`[data-product="${product.id}"]`).click();
      await page.locator('#product-title code', { hasText: product.id }).waitFor();
      must((await page.locator('[aria-labelledby="product-title"] tbody tr').count()) === product.columns.length, `${product.id}: columns differ`);
    }
  });
  await report.check(`data (${lang}): the builder's address answers what its preview shows`, async () => {
    await page.locator('[data-product="parking_occupancy"]').click();
    await page.locator('[data-builder="level"]').selectOption('municipality');
    await page.locator('[data-builder="bucket"]').selectOption('1d');
    const built = await page.locator('[data-built]').getAttribute('data-built');
    must(built.includes('level=municipality') && built.includes('bucket=1d'), built);
    const items = await source.all(built);
    await page.locator('.preview tbody tr').first().waitFor();
    must((await page.locator('.preview tbody tr').count()) === Math.min(8, items.length), 'the preview has other rows');
  });
  await report.check(`data (${lang}): the download links answer`, async () => {
    for (const link of await page.locator('[data-format]').all()) {
      const at = await link.getAttribute('href');
      const response = await fetch(new URL(at, source.base));
      await response.body?.cancel();
      must(response.ok, `${at} answered ${response.status}`);
    }
  });
}

export async function missing({ report, watched, lang }) {
  await report.check(`missing (${lang}): an unknown thing is said to be unknown`, async () => {
    await watched.go('/luoghi/nobody:nothing');
    must((await watched.page.locator('main').innerText()).includes('nobody:nothing'), 'the page does not name it');
    watched.faults = watched.faults.filter((fault) => !fault.includes('404'));
  });
}
