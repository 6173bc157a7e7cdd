import { FIRST, PAGE, type Position, type Sort, keyOf } from './paging.js';
import type { Count, Details } from './schema.js';
import { countText } from './schema.js';
import type { Cell } from './source.js';

/** What of a page decides where one can go from it. */
export interface Shown {
  readonly rows: number;
  readonly more: boolean;
  readonly firstKey: readonly Cell[];
  readonly lastKey: readonly Cell[];
}

/** Where one is in a table, and where one can go. */
export class Pager {
  position: Position = FIRST;
  sort: Sort | undefined;
  /** The number of the first row shown, from 0; `undefined`: it is not known, since the rows were counted from the end. */
  private from: number | undefined = 0;
  private shown: Shown = { rows: 0, more: false, firstKey: [], lastKey: [] };

  constructor(private readonly table: Details) {}

  /** Whether pages are found by the key of a row, however far they are. */
  private get keyed(): boolean {
    return this.sort === undefined && keyOf(this.table).length > 0;
  }

  /** Takes what a page has. Returns whether another one is to be shown instead: the first, since there is nothing before it. */
  show(shown: Shown): boolean {
    this.shown = shown;
    if (this.position.at === 'before' && !shown.more) {
      this.first();
      return true;
    }
    if (shown.rows === 0 && this.hasPrevious && this.position.at !== 'last') {
      // Everything from here on was deleted meanwhile.
      if (this.keyed) this.last();
      else this.first();
      return true;
    }
    return false;
  }

  get hasPrevious(): boolean {
    const { at } = this.position;
    if (at === 'offset') return this.position.offset > 0;
    return at === 'after' || (at !== 'first' && this.shown.more);
  }

  get hasNext(): boolean {
    const { at } = this.position;
    return at === 'before' || (at !== 'last' && this.shown.more);
  }

  /** Whether the last page can be found. */
  hasLast(count: Count | undefined): boolean {
    return this.hasNext && (this.keyed || (count !== undefined && !count.more));
  }

  first(): void {
    this.position = FIRST;
    this.from = 0;
  }

  next(): void {
    if (this.keyed) this.position = { at: 'after', key: this.shown.lastKey };
    else this.position = { at: 'offset', offset: (this.from ?? 0) + PAGE };
    if (this.from !== undefined) this.from += this.shown.rows;
  }

  previous(): void {
    const from = this.from === undefined ? undefined : Math.max(0, this.from - PAGE);
    if (from === 0) this.first();
    else if (this.keyed) this.position = { at: 'before', key: this.shown.firstKey };
    else this.position = { at: 'offset', offset: from ?? 0 };
    this.from = from;
  }

  last(count?: Count): void {
    if (this.keyed) {
      this.position = { at: 'last' };
      this.from = undefined;
      return;
    }
    this.from = Math.floor(Math.max(0, (count?.rows ?? 0) - 1) / PAGE) * PAGE;
    this.position = this.from === 0 ? FIRST : { at: 'offset', offset: this.from };
  }

  /** Sorts by this column: ascending, then descending, then not at all. */
  sortBy(column: string): void {
    const { sort } = this;
    if (sort?.column !== column) this.sort = { column, descending: false };
    else this.sort = sort.descending ? undefined : { column, descending: true };
    this.first();
  }

  /** Says which rows are shown: `'101–200 of 10,000+'`. */
  text(count: Count | undefined): string {
    const { rows } = this.shown;
    const of = count === undefined ? '' : ` of ${countText(count)}`;
    if (rows === 0) return 'no rows';
    const number = (value: number): string => value.toLocaleString('en');
    if (this.from !== undefined) return `${number(this.from + 1)}–${number(this.from + rows)}${of}`;
    return this.position.at === 'last' ? `the last ${number(rows)}${of}` : `${number(rows)}${of}`;
  }
}
