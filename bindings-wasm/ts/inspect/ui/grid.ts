import { shown } from '../data/cells.js';
import type { Sort } from '../data/paging.js';
import type { Cell } from '../data/source.js';
import { el } from './dom.js';

/** A column of a grid. */
export interface GridColumn {
  readonly name: string;
  readonly type: string;
  readonly keyed?: boolean;
}

/** The values of a row, and the sizes of those that were cut. */
export type GridRow = readonly { readonly value: Cell; readonly size: number | undefined }[];

interface Events {
  /** A value is to be shown whole. */
  open(row: readonly Cell[], column: number): void;
  /** The rows are to be sorted by this column; without it they can't be. */
  sort?(column: number): void;
}

/** A table of values. One cell has the focus, which the arrow keys move. */
export class Grid {
  readonly element = el('div', { class: 'grid' });
  private readonly head = el('tr');
  private readonly body = el('tbody');
  /** The element of each row, which stays as long as the row does. */
  private elements = new Map<readonly Cell[], HTMLTableRowElement>();
  private focused: [row: number, column: number] = [0, 0];

  constructor(
    label: string,
    private readonly events: Events,
  ) {
    const on = { keydown: (event: KeyboardEvent) => this.key(event), click: (event: MouseEvent) => this.click(event) };
    this.element.append(el('table', { attrs: { role: 'grid', 'aria-label': label }, on }, el('thead', {}, this.head), this.body));
  }

  /** Shows the headings of these columns, and no rows yet. Where the columns are the same as before, it stays scrolled. */
  columns(columns: readonly GridColumn[], sort?: Sort): void {
    this.elements = new Map();
    this.body.replaceChildren();
    const before = [...this.head.children];
    const pressed = before.findIndex((heading) => heading.contains(this.active()));
    const headings = columns.map((column, place) => this.heading(column, place, sort));
    this.head.replaceChildren(...headings);
    const textOf = (list: readonly Element[]): string => JSON.stringify(list.map(({ textContent }) => textContent));
    if (textOf(before) !== textOf(headings)) this.element.scrollTo(0, 0);
    // Who sorts by the keyboard may want to do it again.
    if (pressed >= 0) headings[pressed]?.querySelector('button')?.focus();
    this.focused = [0, 0];
  }

  /**
   * Shows rows.
   *
   * @param fresh those to which the eye is drawn
   * @param read returns the values of a row
   */
  rows(rows: readonly (readonly Cell[])[], fresh: ReadonlySet<readonly Cell[]>, read: (row: readonly Cell[]) => GridRow, bigints: boolean): void {
    const active = this.body.contains(this.active());
    const elements = new Map<readonly Cell[], HTMLTableRowElement>();
    for (const row of rows) {
      const element = this.elements.get(row) ?? rowOf(read(row), bigints);
      element.classList.toggle('fresh', fresh.has(row));
      elements.set(row, element);
    }
    this.elements = elements;
    this.body.replaceChildren(...elements.values());
    this.focus(this.focused, active);
  }

  private heading({ name, type, keyed = false }: GridColumn, place: number, sort: Sort | undefined): HTMLElement {
    const sorted = sort?.column === name;
    const parts = [el('span', { class: 'name', text: name }), el('span', { class: 'type', text: [keyed ? 'key' : '', type].join(' ').trim() })];
    const order = sort?.descending === true ? 'descending' : 'ascending';
    const attrs: Record<string, string> = { scope: 'col', ...(sorted ? { 'aria-sort': order } : {}) };
    if (this.events.sort === undefined) return el('th', { attrs }, el('div', {}, ...parts));
    return el('th', { attrs }, el('button', { attrs: { type: 'button' }, title: 'Sort by this column', on: { click: () => this.events.sort?.(place) } }, ...parts));
  }

  private active(): Element | null {
    return (this.element.getRootNode() as ShadowRoot).activeElement;
  }

  private cell([row, column]: [number, number]): HTMLElement | undefined {
    return this.body.children[row]?.children[column] as HTMLElement | undefined;
  }

  /** Makes this the cell that the tab key reaches. */
  private focus([row, column]: [number, number], now: boolean): void {
    const last = (list: HTMLCollection | undefined): number => Math.max(0, (list?.length ?? 0) - 1);
    const down = Math.min(Math.max(0, row), last(this.body.children));
    const to: [number, number] = [down, Math.min(Math.max(0, column), last(this.body.children[down]?.children))];
    for (const cell of this.body.querySelectorAll('td[tabindex="0"]')) cell.setAttribute('tabindex', '-1');
    this.focused = to;
    const cell = this.cell(to);
    cell?.setAttribute('tabindex', '0');
    if (now) cell?.focus();
  }

  private key(event: KeyboardEvent): void {
    if (!(event.target instanceof HTMLTableCellElement) || event.altKey || event.ctrlKey || event.metaKey) return;
    const [row, column] = this.focused;
    const end = Number.MAX_SAFE_INTEGER;
    const moves: Record<string, [number, number]> = {
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      PageUp: [row - 10, column],
      PageDown: [row + 10, column],
      Home: [row, 0],
      End: [row, end],
    };
    const to = moves[event.key];
    if (to !== undefined) this.focus(to, true);
    else if (event.key === 'Enter' || event.key === ' ') this.open();
    else return;
    event.preventDefault();
  }

  private click(event: MouseEvent): void {
    const cell = (event.target as Element).closest('td');
    const row = cell?.parentElement;
    if (cell === null || !(row instanceof HTMLTableRowElement)) return;
    this.focus([[...this.body.children].indexOf(row), cell.cellIndex], false);
    // Who selects a part of the text wants to copy it.
    if (String(getSelection() ?? '') === '') this.open();
  }

  private open(): void {
    const [place, column] = this.focused;
    const row = [...this.elements.keys()][place];
    if (row !== undefined) this.events.open(row, column);
  }
}

function rowOf(cells: GridRow, bigints: boolean): HTMLTableRowElement {
  const items = cells.map(({ value, size }) => {
    const { kind, text } = shown(value, size, bigints);
    return el('td', { class: kind, attrs: { role: 'gridcell', tabindex: '-1' } }, el('bdi', { text }));
  });
  return el('tr', {}, ...items);
}
