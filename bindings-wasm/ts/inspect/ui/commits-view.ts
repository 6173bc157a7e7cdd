import type { Entry } from '../data/commits.js';
import type { Inspection } from '../data/inspection.js';
import { el } from './dom.js';
import type { View } from './view.js';

/** The newest commits: what each has changed. */
export class CommitsView implements View {
  private readonly body = el('tbody');
  private readonly none = el('p', { class: 'none', text: 'No commits since this panel was opened.' });
  private readonly table: HTMLElement;
  readonly element: HTMLElement;
  private visible = false;

  constructor(private readonly inspection: Inspection) {
    const head = ['Time', 'Commit', 'Changes'].map((text) => el('th', { text, attrs: { scope: 'col' } }));
    this.table = el('table', { class: 'plain log' }, el('thead', {}, el('tr', {}, ...head)), this.body);
    this.element = el('div', { class: 'view' }, el('div', { class: 'document', attrs: { tabindex: '0', role: 'log', 'aria-label': 'Commits' } }, this.none, this.table));
    inspection.listen((change) => change === 'log' && this.render());
  }

  show(): void {
    this.visible = true;
    this.render();
  }

  hide(): void {
    this.visible = false;
  }

  private render(): void {
    if (!this.visible) return;
    const { log } = this.inspection;
    this.none.hidden = log.length > 0;
    this.table.hidden = log.length === 0;
    this.body.replaceChildren(...log.map(rowOf));
  }
}

function rowOf({ at, moment, tables, notes }: Entry): HTMLElement {
  const changes = tables.map(({ name, text }) => el('div', {}, el('bdi', { class: 'name', text: name }), ` ${text}`));
  const time = `${at.toLocaleTimeString('en', { hour12: false })}.${String(at.getMilliseconds()).padStart(3, '0')}`;
  return el(
    'tr',
    {},
    el('td', { class: 'number', text: time }),
    el('td', { class: 'number', text: String(moment) }),
    el('td', {}, ...changes, ...notes.map((text) => el('div', { class: 'type', text }))),
  );
}
