import type { MigrationFiles } from '../../api/migration-files.js';
import { sizeText } from '../data/cells.js';
import { facts, fileName } from '../data/facts.js';
import type { Inspection } from '../data/inspection.js';
import { timeText } from '../data/statement.js';
import { button, el } from './dom.js';
import { FaultLine } from './fault.js';
import { section } from './structure-view.js';
import type { View } from './view.js';

/** The database as a whole: what it is, its check, its copy and its migrations. */
export class DatabaseView implements View {
  readonly element: HTMLElement;
  private readonly fault = new FaultLine();
  private readonly status = el('output', { class: 'status' });
  private readonly facts = el('dl');
  private readonly checked = el('div');
  private readonly migrations = el('div');
  private readonly buttons: HTMLButtonElement[];
  /** The address of the last copy. */
  private address: string | undefined;

  /** @param files the migrations of the program, to tell which are pending */
  constructor(
    private readonly inspection: Inspection,
    private readonly files: MigrationFiles | undefined,
  ) {
    this.buttons = [
      button('Check', 'Check the whole database: all others wait meanwhile', () => void this.work('checking …', () => this.check())),
      button('Download', 'Download a copy of the database', () => void this.work('copying …', () => this.download())),
    ];
    const tools = el('div', { class: 'tools' }, ...this.buttons, this.status);
    this.element = el('div', { class: 'view' }, tools, this.fault.element, el('div', { class: 'document', attrs: { tabindex: '0', 'aria-label': 'Database' } }, this.facts, this.checked, this.migrations));
    inspection.signal.addEventListener('abort', () => this.forget());
  }

  show(): void {
    void this.load();
  }

  hide(): void {}

  private async load(): Promise<void> {
    const { db, signal } = this.inspection;
    try {
      this.facts.replaceChildren(...(await facts(db, signal)).flatMap(([name, value]) => [el('dt', { text: name }), el('dd', {}, el('bdi', { text: value }))]));
      await this.loadMigrations();
    } catch (error) {
      if (!signal.aborted) this.fault.show(error);
    }
  }

  private async loadMigrations(): Promise<void> {
    const { db, signal } = this.inspection;
    const migrations = db.migrations(this.files ?? []);
    const applied = await migrations.applied({ signal });
    // Without its files nothing is known of what is pending.
    const pending = this.files === undefined ? [] : await migrations.pending({ signal });
    const done = applied.map(({ number, name, appliedAt, took }) => [String(number), name, appliedAt?.toLocaleString('en') ?? 'begun', took === undefined ? '' : timeText(took)]);
    this.migrations.replaceChildren(
      ...section('Migrations', ['Number', 'Name', 'Applied', 'Took'], done),
      ...section('Pending migrations', ['Number', 'Name', 'Action'], pending.map(({ number, name, action }) => [String(number), name, action])),
    );
  }

  private async check(): Promise<string> {
    const { db, signal } = this.inspection;
    const begun = performance.now();
    const damage = await db.check({ signal });
    const rows = damage.map(({ kind, table, rowid, message }) => [kind, table ?? '', rowid === undefined ? '' : String(rowid), message]);
    this.checked.replaceChildren(...section('Damage', ['Kind', 'Table', 'Row', 'What'], rows));
    return `${damage.length === 0 ? 'no damage' : `${damage.length} faults`}, ${timeText(performance.now() - begun)}`;
  }

  private async download(): Promise<string> {
    const { db, signal } = this.inspection;
    const blob = await new Response(db.backupStream({ signal }) as ReadableStream<Uint8Array<ArrayBuffer>>).blob();
    this.forget();
    this.address = URL.createObjectURL(new Blob([blob], { type: 'application/vnd.sqlite3' }));
    el('a', { attrs: { href: this.address, download: fileName(db.path) } }).click();
    return `a copy of ${sizeText(blob.size)}`;
  }

  /** Forgets the last copy, whose bytes are kept as long as it has an address. */
  private forget(): void {
    if (this.address !== undefined) URL.revokeObjectURL(this.address);
    this.address = undefined;
  }

  private async work(doing: string, body: () => Promise<string>): Promise<void> {
    this.fault.show(undefined);
    this.status.textContent = doing;
    for (const each of this.buttons) each.disabled = true;
    try {
      this.status.textContent = await body();
    } catch (error) {
      this.status.textContent = '';
      if (!this.inspection.signal.aborted) this.fault.show(error);
    } finally {
      for (const each of this.buttons) each.disabled = false;
    }
  }
}
