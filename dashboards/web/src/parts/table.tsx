/**
 * A table with a caption, sortable by its heads where asked, cut to a first page of rows where it is long.
 */
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import { t } from '../i18n';

export interface TableColumn<R> {
  id: string;
  title: string;
  /** Shown under the title. */
  unit?: string;
  isNumeric?: boolean;
  cell: (row: R) => ComponentChildren;
  /** What to sort by; unknown values go last either way. */
  sort?: (row: R) => string | number | null | undefined;
  /** Heads its row. */
  isHead?: boolean;
  /** Left out on a narrow screen, where its figure is one step away. */
  isForWide?: boolean;
}

export interface Order {
  by: string;
  down: boolean;
}

interface TableProps<R> {
  caption: string;
  columns: TableColumn<R>[];
  rows: R[];
  rowKey: (row: R) => string;
  order?: Order | undefined;
  onOrder?: (order: Order) => void;
  isCaptionHidden?: boolean;
  rowsShownMax?: number;
}

/** Rows in an order; unknown last, ties as they came. */
export function inOrder<R>(rows: R[], columns: TableColumn<R>[], order: Order | undefined): R[] {
  const sort = columns.find((column) => column.id === order?.by)?.sort;
  if (!sort || !order) return rows;
  const direction = order.down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [sort(a) ?? null, sort(b) ?? null];
    if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1;
    if (typeof left === 'string' || typeof right === 'string') return direction * String(left).localeCompare(String(right), 'it', { numeric: true });
    return direction * (left - right);
  });
}

export function Table<R>(props: TableProps<R>): JSX.Element {
  const { caption, columns, rows, rowKey, order, onOrder, isCaptionHidden, rowsShownMax = 200 } = props;
  const [isWhole, setWhole] = useState(false);
  const sorted = inOrder(rows, columns, order);
  const shown = isWhole ? sorted : sorted.slice(0, rowsShownMax);
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={caption}>
      <table class="figures">
        <caption class={isCaptionHidden ? 'visually-hidden' : undefined}>{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.id} column={column} order={order} onOrder={onOrder} />
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={rowKey(row)} data-row={rowKey(row)}>
              {columns.map((column) =>
                column.isHead
                  ? <th key={column.id} scope="row">{column.cell(row)}</th>
                  : <td key={column.id} class={classOf(column)} data-column={column.id}>{column.cell(row)}</td>,
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length < sorted.length && (
        <button type="button" class="btn btn-link btn-xs" onClick={() => setWhole(true)}>… +{sorted.length - shown.length}</button>
      )}
    </div>
  );
}

function classOf<R>(column: TableColumn<R>): string | undefined {
  return [column.isNumeric && 'numeric', column.isForWide && 'for-wide'].filter(Boolean).join(' ') || undefined;
}

interface HeadProps<R> {
  column: TableColumn<R>;
  order?: Order | undefined;
  onOrder?: ((order: Order) => void) | undefined;
}

function Head<R>({ column, order, onOrder }: HeadProps<R>): JSX.Element {
  const isBy = order?.by === column.id;
  const title = <>{column.title}{column.unit && <span class="unit"> {column.unit}</span>}</>;
  const name = classOf(column);
  if (!column.sort || !onOrder) return <th scope="col" class={name}>{title}</th>;
  const next = { by: column.id, down: isBy ? !order.down : Boolean(column.isNumeric) };
  return (
    <th scope="col" class={name} aria-sort={isBy ? (order.down ? 'descending' : 'ascending') : undefined}>
      <button type="button" class="sort" title={t('column.sort', { column: column.title })} onClick={() => onOrder(next)}>
        {title}{isBy && <span aria-hidden="true" class="sort-mark">{order.down ? '▾' : '▴'}</span>}
      </button>
    </th>
  );
}
