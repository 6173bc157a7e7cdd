import type { Inspection } from '../data/inspection.js';
import { type Rows, follow } from '../data/follow.js';
import { Pager } from '../data/pager.js';
import { type PageQuery, pageQuery, pageRow, pageRows, valueQuery } from '../data/paging.js';
import { type Details, type Relation, details } from '../data/schema.js';
import type { Cell } from '../data/source.js';
import { button, el, toggle } from './dom.js';
import { FaultLine } from './fault.js';
import { Grid } from './grid.js';
import { ValuePane } from './value-pane.js';
import type { View } from './view.js';

/** The rows of a table or view, page by page. */
export class RowsView implements View {
  readonly element: HTMLElement;
  private readonly grid = new Grid('Rows', { open: (row, column) => this.open(row, column), sort: (column) => this.sort(column) });
  private readonly value = new ValuePane();
  private readonly fault = new FaultLine();
  private readonly place = el('output', { class: 'place' });
  private readonly first = this.mover('«', 'First page', (pager) => pager.first());
  private readonly previous = this.mover('‹', 'Previous page', (pager) => pager.previous());
  private readonly next = this.mover('›', 'Next page', (pager) => pager.next());
  private readonly last = this.mover('»', 'Last page', (pager) => pager.last(this.count));
  private relation: Relation | undefined;
  private table: Details | undefined;
  private pager: Pager | undefined;
  private query: PageQuery | undefined;
  private live = true;
  private visible = false;
  /** Ends what is shown now. */
  private stop = (): void => {};
  /** Counts the tables asked for, of which only the last one is shown. */
  private turn = 0;

  constructor(private readonly inspection: Inspection) {
    const live = toggle('Live', 'Follow the changes of these rows', true, (on) => {
      this.live = on;
      this.load();
    });
    const refresh = button('Refresh', 'Read the schema and these rows again', () => {
      void inspection.refresh().catch((error: unknown) => this.fault.show(error));
      this.load();
    });
    this.element = el(
      'div',
      { class: 'view' },
      el('div', { class: 'tools' }, live.element, refresh, el('span', { class: 'space' }), el('span', { class: 'movers' }, this.first, this.previous, this.place, this.next, this.last)),
      this.fault.element,
      this.grid.element,
      this.value.element,
    );
    inspection.listen((change) => change === 'counts' && this.tell());
  }

  show(): void {
    this.visible = true;
    this.load();
  }

  hide(): void {
    this.visible = false;
    this.stop();
  }

  /** Shows this table, from its beginning unless it is shown already and has the same columns; `undefined`: none. */
  async select(relation: Relation | undefined): Promise<void> {
    this.turn += 1;
    const { turn } = this;
    const again = relation !== undefined && relation.name === this.relation?.name;
    this.relation = relation;
    if (!again) {
      this.table = this.pager = undefined;
      this.stop();
      this.grid.columns([]);
      this.value.hide();
      this.fault.show(undefined);
      this.tell();
    }
    if (relation === undefined) return;
    try {
      const table = await details(this.inspection.db, relation, this.inspection.signal);
      if (turn !== this.turn) return;
      const same = this.table !== undefined && JSON.stringify([table.columns, table.withoutRowid]) === JSON.stringify([this.table.columns, this.table.withoutRowid]);
      if (same) return;
      this.table = table;
      this.pager = new Pager(table);
      this.load();
    } catch (error) {
      if (turn === this.turn && !this.inspection.signal.aborted) this.fault.show(error);
    }
  }

  private get count() {
    return this.relation && this.inspection.counts.get(this.relation.name);
  }

  private mover(sign: string, title: string, move: (pager: Pager) => void): HTMLButtonElement {
    return button(sign, title, () => {
      if (this.pager === undefined) return;
      move(this.pager);
      this.load();
      this.grid.element.scrollTo({ top: 0 });
    });
  }

  private sort(column: number): void {
    const name = this.table?.columns[column]?.name;
    if (name === undefined) return;
    this.pager?.sortBy(name);
    this.load();
  }

  private load(): void {
    this.stop();
    const { table, pager, inspection } = this;
    if (table === undefined || pager === undefined || !this.visible) return;
    const query = pageQuery(table, pager.position, pager.sort);
    this.query = undefined;
    this.fault.show(undefined);
    const begin = (): void => {
      this.query = query;
      const columns = table.columns.map(({ name, type, keyPlace }) => ({ name, type, keyed: keyPlace > 0 }));
      this.grid.columns(columns, pager.sort);
    };
    const shown = (rows: Rows): void => {
      // The page before stays until this one is there.
      if (this.query !== query) begin();
      this.showRows(pager, query, rows);
    };
    const failed = (error: unknown): void => {
      if (this.query !== query) begin();
      this.fault.show(error);
    };
    this.stop = follow(inspection.db, query, this.live, shown, failed);
  }

  private showRows(pager: Pager, query: PageQuery, { rows, fresh }: Rows): void {
    const page = pageRows(rows, query);
    const keyOf = (row: readonly Cell[] | undefined): readonly Cell[] => row?.slice(0, query.key.length) ?? [];
    const instead = pager.show({ rows: page.rows.length, more: page.more, firstKey: keyOf(page.rows[0]), lastKey: keyOf(page.rows.at(-1)) });
    if (instead) {
      this.load();
      return;
    }
    this.grid.rows(page.rows, fresh, (row) => pageRow(row, query).cells, this.inspection.bigints);
    this.tell();
  }

  private tell(): void {
    const { pager, count } = this;
    this.place.textContent = pager?.text(count) ?? '';
    this.first.disabled = this.previous.disabled = pager?.hasPrevious !== true;
    this.next.disabled = pager?.hasNext !== true;
    this.last.disabled = pager?.hasLast(count) !== true;
  }

  private open(row: readonly Cell[], column: number): void {
    const { table, query, inspection } = this;
    if (table === undefined || query === undefined) return;
    const { key, cells } = pageRow(row, query);
    const [cell, name] = [cells[column], table.columns[column]?.name];
    if (cell === undefined || name === undefined) return;
    // Without a key the row can't be found again.
    const cut = cell.size !== undefined && key.length > 0;
    const value = cut ? inspection.db.queryValue<Cell>(valueQuery(table, name), [...key], { signal: inspection.signal }) : cell.value;
    void this.value.show(name, value, inspection.bigints);
  }
}
