import { type Rows, follow } from '../data/follow.js';
import type { Inspection } from '../data/inspection.js';
import { History } from '../data/history.js';
import { type Outcome, SHOWN, execute, script, timeText } from '../data/statement.js';
import { button, el, toggle } from './dom.js';
import { FaultLine } from './fault.js';
import { Grid } from './grid.js';
import { ValuePane } from './value-pane.js';
import type { View } from './view.js';

/** A box for SQL, and what it returns. */
export class SqlView implements View {
  readonly element: HTMLElement;
  private readonly text = el('textarea', {
    attrs: { 'aria-label': 'SQL', spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off', rows: '4', placeholder: 'SELECT * FROM …' },
    on: { keydown: (event) => this.key(event) },
  });
  private readonly status = el('output', { class: 'status' });
  private readonly fault = new FaultLine();
  private readonly grid = new Grid('Result', { open: (row, column) => this.open(row, column) });
  private readonly value = new ValuePane();
  private readonly live = toggle('Live', '', false, () => this.follow());
  private readonly cancel = button('Cancel', 'Stop the statement', () => this.running?.abort());
  private readonly history = new History();
  /** The statement that runs. */
  private running: AbortController | undefined;
  /** The query whose result is shown. */
  private shown: { sql: string; outcome: Outcome } | undefined;
  private visible = false;
  /** Ends the watch of the result. */
  private stop = (): void => {};

  constructor(private readonly inspection: Inspection) {
    const run = button('Run', 'Run one statement (Ctrl+Enter)', () => void this.run(false), 'main');
    const all = button('Run script', 'Run all statements in one transaction', () => void this.run(true));
    this.cancel.hidden = true;
    this.element = el(
      'div',
      { class: 'view' },
      this.text,
      el('div', { class: 'tools' }, run, all, this.cancel, this.live.element, el('span', { class: 'space' }), this.status),
      this.fault.element,
      this.grid.element,
      this.value.element,
    );
    this.follow();
    inspection.signal.addEventListener('abort', () => {
      this.running?.abort();
      this.stop();
    });
  }

  show(): void {
    this.visible = true;
    this.follow();
  }

  hide(): void {
    this.visible = false;
    this.stop();
  }

  private key(event: KeyboardEvent): void {
    const earlier = event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown');
    if (earlier) {
      const text = event.key === 'ArrowUp' ? this.history.older(this.text.value) : this.history.newer();
      if (text !== undefined) this.text.value = text;
    } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      void this.run(event.shiftKey);
    } else {
      return;
    }
    event.preventDefault();
  }

  private async run(all: boolean, sql = this.text.value): Promise<void> {
    const { inspection } = this;
    this.running?.abort();
    const running = new AbortController();
    this.running = running;
    this.history.add(sql);
    this.shown = undefined;
    this.follow();
    this.value.hide();
    this.fault.show(undefined);
    this.status.textContent = 'running …';
    this.cancel.hidden = false;
    const begun = performance.now();
    try {
      if (all) {
        const { changed, took } = await script(inspection.db, sql, running.signal);
        if (this.running !== running) return;
        this.grid.columns([]);
        this.status.textContent = `${rowsText(changed)} changed, ${timeText(took)}`;
        return;
      }
      const outcome = await execute(inspection.db, sql, running.signal);
      if (this.running !== running) return;
      this.shown = { sql, outcome };
      this.grid.columns(outcome.columns.map(({ name, declaredType }) => ({ name, type: declaredType ?? '' })));
      this.showRows({ rows: outcome.rows, fresh: new Set() });
      this.status.textContent = statusOf(outcome);
      this.follow();
    } catch (error) {
      if (this.running !== running || inspection.signal.aborted) return;
      this.grid.columns([]);
      this.status.textContent = timeText(performance.now() - begun);
      this.fault.show(error);
    } finally {
      if (this.running === running) {
        this.running = undefined;
        this.cancel.hidden = true;
      }
    }
  }

  /** Follows the result, if that is wanted and can be. */
  private follow(): void {
    this.stop();
    this.stop = (): void => {};
    const { shown, inspection } = this;
    const followed = shown !== undefined && shown.outcome.watchable;
    const { input } = this.live;
    input.disabled = !followed;
    this.live.element.title = followed ? 'Follow the changes of the result' : 'A query can be followed whose rows are all here';
    if (!followed || !input.checked || !this.visible) return;
    const { sql, outcome } = shown;
    const show = (rows: Rows): void => {
      const { length } = rows.rows[0] ?? outcome.columns;
      if (length !== outcome.columns.length) {
        // The query reads all columns of a table that has others now.
        void this.run(false, sql);
        return;
      }
      this.showRows(rows);
      this.status.textContent = `${rowsText(rows.rows.length)}, live`;
    };
    this.stop = follow(inspection.db, { sql }, true, show, (error) => this.fault.show(error));
  }

  private showRows({ rows, fresh }: Rows): void {
    this.grid.rows(rows.slice(0, SHOWN), fresh, (row) => row.map((value) => ({ value, size: undefined })), this.inspection.bigints);
  }

  private open(row: readonly (Outcome['rows'][number][number])[], column: number): void {
    const name = this.shown?.outcome.columns[column]?.name;
    if (name !== undefined) void this.value.show(name, row[column] ?? null, this.inspection.bigints);
  }
}

function rowsText(count: number): string {
  return `${count.toLocaleString('en')} ${count === 1 ? 'row' : 'rows'}`;
}

function statusOf({ rows, more, changed, took }: Outcome): string {
  if (changed !== undefined) return `${rowsText(changed)} changed, ${timeText(took)}`;
  return `${more ? `the first ${rowsText(rows.length)}` : rowsText(rows.length)}, ${timeText(took)}`;
}
