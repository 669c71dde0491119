/** The data: every product with its columns and units, and a builder that shows the address of a question. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { address, inFormat, productAddress } from '../api/address';
import { getJson } from '../api/client';
import type { Column, Product, ProductRows, Row } from '../api/types';
import { said, t, word } from '../i18n';
import { Loaded } from '../parts/loaded';
import { described, Prose } from '../parts/prose';
import { Table, type TableColumn } from '../parts/table';
import { usePageTitle } from '../parts/title';
import { useResource } from '../state/resource';
import { route, setQuery } from '../state/route';
import type { Territory } from '../state/territory';

const FORMATS = ['json', 'csv', 'ndjson', 'geojson', 'parquet', 'arrow'] as const;
const PREVIEW_ROWS = 8;

export function DataPage({ territory }: { territory: Territory }): JSX.Element {
  usePageTitle(t('data.title'));
  const products = [...territory.products.values()];
  const asked = route.value.query.get('product');
  const product = products.find((one) => one.id === asked) ?? products[0];
  return (
    <div class="page">
      <div class="page-head"><div><h1>{t('data.title')}</h1><p class="sub">{t('data.lead')}</p></div></div>
      <div class="split split-data">
        <nav class="panel product-list" aria-label={t('data.products')}>
          <h2>{t('data.products')}</h2>
          <ul>
            {products.map((one) => (
              <li key={one.id}>
                <button type="button" aria-pressed={one.id === product?.id} data-product={one.id} onClick={() => setQuery({ product: one.id, level: null, bucket: null })}>
                  <strong>{said(one.title)}</strong><code>{one.id}</code>
                </button>
              </li>
            ))}
          </ul>
          <Registry />
        </nav>
        {product && (
          <div class="stack">
            <Described product={product} territory={territory} />
            <Builder product={product} territory={territory} />
          </div>
        )}
      </div>
    </div>
  );
}

function Registry(): JSX.Element {
  return (
    <>
      <h2>{t('data.registry')}</h2>
      <ul class="links">
        <li><a href={address('/things', { format: 'geojson' })}>{t('data.registry.things')} · GeoJSON</a></li>
        <li><a href={address('/areas', { level: 'municipality', format: 'geojson' })}>{t('data.registry.areas')} · GeoJSON</a></li>
        <li><a href={address('/publishers')}>{t('data.registry.publishers')} · JSON</a></li>
        <li><a href={address('/properties')}>{t('data.registry.properties')} · JSON</a></li>
        <li><a href="/docs">{t('data.docs')}</a></li>
        <li><a href="/openapi.json">{t('data.openapi')}</a></li>
      </ul>
    </>
  );
}

function Described({ product, territory }: { product: Product; territory: Territory }): JSX.Element {
  const columns: TableColumn<Column>[] = [
    { id: 'name', title: t('data.column'), isHead: true, cell: (column) => <code>{column.name}</code> },
    { id: 'title', title: t('data.meaning'), cell: (column) => <Prose text={said(column.title)} /> },
    { id: 'type', title: t('data.type'), cell: (column) => <code class="quiet">{column.type}</code> },
    { id: 'unit', title: t('data.unit'), cell: (column) => column.unit ?? '' },
  ];
  const base = productAddress(product.id, { area: territory.rootId, level: product.levels.includes('municipality') && territory.rootId ? 'municipality' : null });
  return (
    <section class="panel" aria-labelledby="product-title">
      <header class="panel-head">
        <h2 id="product-title">{said(product.title)} <code class="unit">{product.id}</code></h2>
        <div class="panel-tools formats">{(['json', 'csv', 'geojson', 'parquet'] as const).map((format) => <a key={format} href={inFormat(base, format)} data-format={format}>{FORMAT_NAMES[format]}</a>)}</div>
      </header>
      <p><Prose text={described(product)} /></p>
      <dl class="facts">
        <div><dt>{t('data.levels')}</dt><dd>{product.levels.map((level) => word('level', level)).join(', ')}</dd></div>
        <div><dt>{t('data.buckets')}</dt><dd>{product.buckets.join(', ')}</dd></div>
        {product.licence && <div><dt>{t('data.licence')}</dt><dd>{product.licence}</dd></div>}
      </dl>
      <Table caption={t('data.columns')} rows={product.columns} rowKey={(column) => column.name} columns={columns} />
    </section>
  );
}

const FORMAT_NAMES = { json: 'JSON', csv: 'CSV', ndjson: 'NDJSON', geojson: 'GeoJSON', parquet: 'Parquet', arrow: 'Arrow' } as const;

/** The address that the chosen members make; a day is sent as its first moment in UTC. */
export function builtAddress(product: Product, query: URLSearchParams, rootId: string | null): string {
  const day = (name: string): string | null => {
    const text = query.get(name);
    return text && /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  };
  const bucket = query.get('bucket');
  const level = query.get('level');
  return inFormat(
    productAddress(product.id, {
      area: query.get('area') ?? rootId,
      level: level && product.levels.includes(level) ? level : null,
      bucket: bucket && product.buckets.includes(bucket) ? bucket : null,
      from: day('from'),
      to: day('to'),
    }),
    query.get('format') ?? 'json',
  );
}

function Builder({ product, territory }: { product: Product; territory: Territory }): JSX.Element {
  const { query } = route.value;
  const built = builtAddress(product, query, territory.rootId);
  const areas = [...territory.areas.values()].sort((a, b) => a.name.localeCompare(b.name));
  const set = (name: string) => (event: { currentTarget: { value: string } }) => setQuery({ [name]: event.currentTarget.value }, { replace: true });
  const chosenArea = query.get('area') ?? territory.rootId ?? '';
  return (
    <section class="panel" id="builder" aria-labelledby="builder-title">
      <header class="panel-head"><h2 id="builder-title">{t('data.builder')}</h2></header>
      <form class="builder" onSubmit={(event) => event.preventDefault()}>
        <Choice label={t('data.builder.area')} name="area" value={chosenArea} onChange={set('area')} options={areas.map((area) => [area.id, `${area.name} (${word('level', area.level)})`])} />
        <Choice label={t('data.builder.level')} name="level" value={query.get('level') ?? ''} onChange={set('level')} options={[['', t('data.builder.level.self')], ...product.levels.map((level): [string, string] => [level, word('level', level)])]} />
        <Choice label={t('data.builder.bucket')} name="bucket" value={query.get('bucket') ?? ''} onChange={set('bucket')} options={[['', t('data.builder.bucket.default')], ...product.buckets.map((bucket): [string, string] => [bucket, bucket])]} />
        <label><span>{t('data.builder.from')}</span><input type="date" value={query.get('from') ?? ''} onChange={set('from')} /></label>
        <label><span>{t('data.builder.to')}</span><input type="date" value={query.get('to') ?? ''} onChange={set('to')} /></label>
        <Choice label={t('data.builder.format')} name="format" value={query.get('format') ?? 'json'} onChange={set('format')} options={FORMATS.map((format) => [format, FORMAT_NAMES[format]])} />
      </form>
      <Built built={built} />
      <Preview at={inFormat(built, 'json')} product={product} />
    </section>
  );
}

interface ChoiceProps {
  label: string;
  name: string;
  value: string;
  options: [string, string][];
  onChange: (event: { currentTarget: { value: string } }) => void;
}

function Choice({ label, name, value, options, onChange }: ChoiceProps): JSX.Element {
  return (
    <label>
      <span>{label}</span>
      <select data-builder={name} value={value} onChange={onChange}>
        {options.map(([id, text]) => <option key={id} value={id} selected={id === value}>{text}</option>)}
      </select>
    </label>
  );
}

function Built({ built }: { built: string }): JSX.Element {
  const [isCopied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(new URL(built, location.href).href);
      setCopied(true);
    } catch {
      setCopied(false); // without a secure context there is no clipboard: the address can be selected
    }
  };
  return (
    <div class="built">
      <span class="unit" id="built-label">{t('data.builder.address')}</span>
      <output aria-labelledby="built-label" data-built={built}><code>GET {built}</code></output>
      <span class="built-tools">
        <button type="button" class="btn btn-outline-primary btn-xs" onClick={() => void copy()}>{isCopied ? t('data.builder.copied') : t('data.builder.copy')}</button>
        <a class="btn btn-primary btn-xs" href={built}>{t('data.builder.open')}</a>
      </span>
    </div>
  );
}

/** The first rows of the answer, as they are; null is shown as what it is. */
function Preview({ at, product }: { at: string; product: Product }): JSX.Element {
  const limited = `${at}${at.includes('?') ? '&' : '?'}limit=${PREVIEW_ROWS}`;
  const answer = useResource(limited, (signal) => getJson<ProductRows<Row>>(limited, signal));
  return (
    <div class="preview">
      <Loaded of={answer} empty={(data) => (data.items.length ? null : t('state.empty'))}>
        {(data) => {
          const rows = data.items.map((row, index) => ({ index, row: row as unknown as Record<string, unknown> }));
          const names = product.columns.map((column) => column.name).filter((name) => rows.some(({ row }) => name in row));
          const columns = names.map((name): TableColumn<(typeof rows)[number]> => ({
            id: name, title: name, isNumeric: typeof rows[0]?.row[name] === 'number', cell: ({ row }) => <Raw value={row[name]} />,
          }));
          return <Table caption={t('data.builder.preview')} rows={rows} rowKey={({ index }) => String(index)} columns={columns} />;
        }}
      </Loaded>
    </div>
  );
}

function Raw({ value }: { value: unknown }): JSX.Element {
  if (value === null || value === undefined) return <span class="is-unknown">null</span>;
  if (typeof value === 'number') return <>{Number.isInteger(value) ? String(value) : value.toPrecision(6)}</>;
  return <>{String(value)}</>;
}
