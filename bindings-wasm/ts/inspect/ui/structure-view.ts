import type { Inspection } from '../data/inspection.js';
import { type Details, type Relation, details } from '../data/schema.js';
import { el } from './dom.js';
import { FaultLine } from './fault.js';
import type { View } from './view.js';

/** What the schema says of a table: its columns, indexes, foreign keys and SQL. */
export class StructureView implements View {
  private readonly fault = new FaultLine();
  private readonly content = el('div', { class: 'document', attrs: { tabindex: '0', 'aria-label': 'Structure' } });
  readonly element = el('div', { class: 'view' }, this.fault.element, this.content);
  private relation: Relation | undefined;
  private visible = false;
  private turn = 0;

  constructor(private readonly inspection: Inspection) {}

  show(): void {
    this.visible = true;
    void this.load();
  }

  hide(): void {
    this.visible = false;
  }

  select(relation: Relation | undefined): void {
    this.relation = relation;
    if (this.visible) void this.load();
  }

  private async load(): Promise<void> {
    this.turn += 1;
    const { turn, relation, inspection } = this;
    this.fault.show(undefined);
    if (relation === undefined) {
      this.content.replaceChildren();
      return;
    }
    try {
      const table = await details(inspection.db, relation, inspection.signal);
      if (turn === this.turn) this.content.replaceChildren(...sections(table));
    } catch (error) {
      if (turn === this.turn && !inspection.signal.aborted) this.fault.show(error);
    }
  }
}

function sections(table: Details): HTMLElement[] {
  const { columns, indexes, foreignKeys, sql } = table;
  const about = [table.kind, table.withoutRowid ? 'WITHOUT ROWID' : '', table.strict ? 'STRICT' : ''].filter(Boolean).join(', ');
  return [
    el('h2', {}, el('bdi', { text: table.name }), el('span', { class: 'type', text: about })),
    ...section('Columns', ['Name', 'Type', 'Key', 'Not null', 'Default'], columns.map((it) => [
      it.name,
      it.type + (it.generated ? ' (generated)' : ''),
      it.keyPlace > 0 ? String(it.keyPlace) : '',
      it.notNull ? 'yes' : '',
      it.defaultSql ?? '',
    ])),
    ...section('Indexes', ['Name', 'On', 'Unique', 'Partial'], indexes.map(({ name, parts, unique, partial }) => [name, parts.join(', '), unique ? 'yes' : '', partial ? 'yes' : ''])),
    ...section('Foreign keys', ['Columns', 'Refer to', 'On delete', 'On update'], foreignKeys.map((it) => [
      it.columns.join(', '),
      it.parent + (it.parentColumns.length > 0 ? ` (${it.parentColumns.join(', ')})` : ''),
      it.onDelete,
      it.onUpdate,
    ])),
    ...(sql.length > 0 ? [el('h3', { text: 'SQL' }), el('pre', { text: sql.map((text) => `${text};`).join('\n\n') })] : []),
  ];
}

/** Makes a heading and a table, if it has rows. */
export function section(title: string, headings: readonly string[], rows: readonly (readonly string[])[]): HTMLElement[] {
  if (rows.length === 0) return [];
  const head = el('tr', {}, ...headings.map((text) => el('th', { text, attrs: { scope: 'col' } })));
  const body = rows.map((row) => el('tr', {}, ...row.map((text) => el('td', {}, el('bdi', { text })))));
  return [el('h3', { text: title }), el('table', { class: 'plain' }, el('thead', {}, head), el('tbody', {}, ...body))];
}
