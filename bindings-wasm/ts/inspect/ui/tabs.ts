import { el } from './dom.js';
import type { View } from './view.js';

/** Views of which one is shown. The arrow keys move between their tabs. */
export class Tabs {
  readonly bar = el('div', { class: 'tabs', attrs: { role: 'tablist' }, on: { keydown: (event) => this.key(event) } });
  readonly body = el('div', { class: 'views' });
  private readonly tabs: HTMLButtonElement[];
  private current = -1;

  constructor(private readonly views: readonly (readonly [name: string, view: View])[]) {
    this.tabs = views.map(([name, { element }], place) => {
      element.hidden = true;
      element.id = `view-${place}`;
      element.setAttribute('role', 'tabpanel');
      element.setAttribute('aria-labelledby', `tab-${place}`);
      const attrs = { type: 'button', role: 'tab', id: `tab-${place}`, 'aria-controls': element.id, 'aria-selected': 'false', tabindex: '-1' };
      return el('button', { text: name, attrs, on: { click: () => this.select(place) } });
    });
    this.bar.append(...this.tabs);
    this.body.append(...views.map(([, { element }]) => element));
  }

  /** Shows this view. */
  select(place: number): void {
    if (place === this.current) return;
    const before = this.views[this.current]?.[1];
    if (before !== undefined) {
      before.element.hidden = true;
      before.hide();
    }
    this.current = place;
    this.tabs.forEach((tab, each) => {
      tab.setAttribute('aria-selected', String(each === place));
      tab.tabIndex = each === place ? 0 : -1;
    });
    const view = this.views[place]?.[1];
    if (view === undefined) return;
    view.element.hidden = false;
    view.show();
  }

  /** Shows the first of these views, unless one of them is shown. */
  showOneOf(views: readonly View[]): void {
    const places = this.views.map(([, view], place) => (views.includes(view) ? place : -1)).filter((place) => place >= 0);
    if (!places.includes(this.current)) this.select(places[0] ?? 0);
  }

  private key(event: KeyboardEvent): void {
    const { length } = this.tabs;
    const to = { ArrowLeft: this.current - 1, ArrowRight: this.current + 1, Home: 0, End: length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.select((to + length) % length);
    this.tabs[this.current]?.focus();
  }
}
