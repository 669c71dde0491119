/**
 * A panel around one chart: title, unit, how to read it, its table and its CSV link. Whether the table is
 * open stands in the address (`tables=week,wifi`).
 */
import type { ComponentChildren, JSX } from 'preact';
import { inFormat } from '../api/address';
import { t } from '../i18n';
import { route, setQuery } from '../state/route';
import { CsvIcon } from './icons';
import { Prose } from './prose';

interface PanelProps {
  id: string;
  title: string;
  unit?: string;
  howTo?: string | undefined;
  /** The address whose answer is drawn; its CSV is offered. */
  source?: string | null;
  tools?: ComponentChildren;
  chart?: ComponentChildren;
  table?: ComponentChildren;
  children?: ComponentChildren;
  class?: string;
}

const openTables = (): string[] => (route.value.query.get('tables') ?? '').split(',').filter(Boolean);

export function isTableOpen(id: string): boolean {
  return openTables().includes(id);
}

export function Panel(props: PanelProps): JSX.Element {
  const { id, title, unit, howTo, source, tools, chart, table, children } = props;
  const hasBoth = chart !== undefined && table !== undefined;
  const showsTable = hasBoth && isTableOpen(id);
  return (
    <section class={`panel ${props.class ?? ''}`} id={id} aria-labelledby={`${id}-title`}>
      <header class="panel-head">
        <h2 id={`${id}-title`}>{title}{unit && <span class="unit"> {unit}</span>}</h2>
        <div class="panel-tools">
          {tools}
          {hasBoth && <ViewSwitch id={id} title={title} showsTable={showsTable} />}
          {source && <CsvLink source={source} title={title} />}
        </div>
      </header>
      {children}
      {hasBoth ? (showsTable ? table : chart) : (chart ?? table)}
      {howTo && (
        <details class="howto">
          <summary>{t('panel.howto')}</summary>
          <p><Prose text={howTo} /></p>
        </details>
      )}
    </section>
  );
}

export function CsvLink({ source, title }: { source: string; title: string }): JSX.Element {
  return (
    <a class="csv" href={inFormat(source, 'csv')} download="" aria-label={t('panel.csvOf', { title })}>
      <CsvIcon />CSV
    </a>
  );
}

function ViewSwitch({ id, title, showsTable }: { id: string; title: string; showsTable: boolean }): JSX.Element {
  const choose = (table: boolean): void => {
    const others = openTables().filter((one) => one !== id);
    setQuery({ tables: (table ? [...others, id] : others).join(',') }, { replace: true });
  };
  return (
    <Segments
      label={t('panel.view', { title })}
      chosen={showsTable ? 'table' : 'chart'}
      options={[['chart', t('panel.chart')], ['table', t('panel.table')]]}
      onChoose={(view) => choose(view === 'table')}
    />
  );
}

interface SegmentsProps {
  label: string;
  chosen: string;
  options: [string, string][];
  onChoose: (id: string) => void;
}

/** A few choices side by side, one of them pressed. */
export function Segments({ label, chosen, options, onChoose }: SegmentsProps): JSX.Element {
  return (
    <div class="segments" role="group" aria-label={label}>
      {options.map(([id, text]) => (
        <button key={id} type="button" data-choice={id} aria-pressed={id === chosen} onClick={() => onChoose(id)}>{text}</button>
      ))}
    </div>
  );
}
