import type { Inspection } from '../data/inspection.js';
import { type Relation, countText } from '../data/schema.js';
import { el } from './dom.js';

const HEADINGS: Record<Relation['kind'], string> = { table: 'Tables', virtual: 'Virtual tables', view: 'Views', system: 'Internal' };

/** The list of the tables and views. */
export class TablesView {
  readonly element = el('nav', { class: 'tables', attrs: { 'aria-label': 'Tables' } });
  private readonly buttons = new Map<string, { element: HTMLButtonElement; count: HTMLElement }>();
  private selected: string | undefined;
  private filter = '';
  private readonly list = el('div', { class: 'list' });

  /** @param select is called with the table to be shown */
  constructor(
    private readonly inspection: Inspection,
    private readonly select: (relation: Relation) => void,
  ) {
    const filter = el('input', {
      attrs: { type: 'search', placeholder: 'Filter', 'aria-label': 'Filter tables' },
      on: {
        input: () => {
          this.filter = filter.value.toLowerCase();
          this.render();
        },
      },
    });
    this.element.append(filter, this.list);
    inspection.listen((change) => {
      if (change === 'relations') this.render();
      if (change === 'counts') this.tellCounts();
    });
  }

  /** Marks this table as the one that is shown. */
  mark(name: string | undefined): void {
    this.selected = name;
    for (const [each, { element }] of this.buttons) element.setAttribute('aria-current', String(each === name));
  }

  private render(): void {
    const { activeElement } = this.list.getRootNode() as ShadowRoot;
    const focused = [...this.buttons].find(([, { element }]) => element === activeElement)?.[0];
    const open = this.list.querySelector('details')?.open ?? false;
    this.buttons.clear();
    const shown = this.inspection.relations.filter(({ name }) => name.toLowerCase().includes(this.filter));
    const groups = (Object.keys(HEADINGS) as Relation['kind'][]).map((kind) => {
      const buttons = shown.filter((relation) => relation.kind === kind).map((relation) => this.button(relation));
      if (buttons.length === 0) return undefined;
      if (kind !== 'system') return el('section', {}, el('h2', { text: HEADINGS[kind] }), ...buttons);
      const group = el('details', {}, el('summary', { text: HEADINGS[kind] }), ...buttons);
      group.open = open;
      return group;
    });
    this.list.replaceChildren(...groups.filter((group) => group !== undefined));
    this.mark(this.selected);
    this.tellCounts();
    if (focused !== undefined) this.buttons.get(focused)?.element.focus();
  }

  private button(relation: Relation): HTMLElement {
    const count = el('span', { class: 'count' });
    const element = el('button', { title: relation.name, attrs: { type: 'button' }, on: { click: () => this.select(relation) } }, el('bdi', { class: 'name', text: relation.name }), count);
    this.buttons.set(relation.name, { element, count });
    return element;
  }

  private tellCounts(): void {
    const { counts } = this.inspection;
    for (const [name, { count }] of this.buttons) {
      const known = counts.get(name);
      count.textContent = known === undefined ? (counts.has(name) ? '?' : '') : countText(known);
      count.title = counts.has(name) && known === undefined ? 'Counting takes too long' : '';
    }
  }
}
