import type { MigrationFiles } from '../../api/migration-files.js';
import { Inspection } from '../data/inspection.js';
import type { Relation } from '../data/schema.js';
import type { Source } from '../data/source.js';
import { CommitsView } from './commits-view.js';
import { DatabaseView } from './database-view.js';
import { edge } from './dock.js';
import { button, el } from './dom.js';
import { FaultLine } from './fault.js';
import { RowsView } from './rows-view.js';
import { SqlView } from './sql-view.js';
import { StructureView } from './structure-view.js';
import { styles } from './style.js';
import { TablesView } from './tables-view.js';
import { Tabs } from './tabs.js';

/** How a panel looks. */
export interface Look {
  /** The name of the database. */
  readonly name: string;
  readonly theme: 'auto' | 'light' | 'dark';
  /** Whether it is at the bottom of the window. */
  readonly docked: boolean;
  readonly migrations: MigrationFiles | undefined;
}

/** The panel, in the shadow of its element. */
export class Panel {
  private readonly root: HTMLElement;
  private readonly body = el('div', { class: 'body' });
  private readonly fault = new FaultLine();
  private readonly tabBar = el('div', { class: 'bar' });
  private inspection: Inspection | undefined;
  private selected: string | undefined;

  /** @param close is called when the user closes it; without it, it has no button for that */
  constructor(
    host: HTMLElement,
    private readonly look: Look,
    close: (() => void) | undefined,
  ) {
    const { name, theme, docked } = look;
    const shadow = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
    shadow.adoptedStyleSheets = [styles()];
    host.toggleAttribute('docked', docked);
    const header = el('header', {}, el('strong', {}, el('bdi', { text: name })), this.tabBar, el('span', { class: 'space' }));
    if (close !== undefined) header.append(button('✕', 'Close the panel', close));
    const attrs = { role: 'region', 'aria-label': `Database ${name}`, 'data-theme': theme };
    this.root = el('div', { class: 'panel', attrs }, ...(docked ? [edge(host)] : []), header, this.fault.element, this.body);
    shadow.replaceChildren(this.root);
  }

  /** Shows the database. */
  async show(db: Source): Promise<void> {
    const inspection = new Inspection(db, (error) => this.fail(error));
    this.inspection = inspection;
    const [rows, structure] = [new RowsView(inspection), new StructureView(inspection)];
    const tabs = new Tabs([
      ['Rows', rows],
      ['Structure', structure],
      ['SQL', new SqlView(inspection)],
      ['Commits', new CommitsView(inspection)],
      ['Database', new DatabaseView(inspection, this.look.migrations)],
    ]);
    const tables = new TablesView(inspection, (relation) => {
      select(relation);
      tabs.showOneOf([rows, structure]);
    });
    const select = (relation: Relation | undefined): void => {
      this.selected = relation?.name;
      tables.mark(relation?.name);
      void rows.select(relation);
      structure.select(relation);
    };
    inspection.listen((change) => {
      if (change !== 'relations') return;
      const { relations } = inspection;
      select(relations.find(({ name }) => name === this.selected) ?? relations.find(({ kind }) => kind !== 'system'));
    });
    inspection.signal.addEventListener('abort', () => {
      rows.hide();
    });
    this.tabBar.replaceChildren(tabs.bar);
    this.body.replaceChildren(tables.element, tabs.body);
    tabs.select(0);
    await inspection.start();
  }

  /** Says that the database can't be shown, or not any more. */
  fail(error: unknown): void {
    this.fault.show(error);
  }

  /** Ends all that runs for it, and empties it. */
  close(): void {
    this.inspection?.close();
    this.root.remove();
  }
}
