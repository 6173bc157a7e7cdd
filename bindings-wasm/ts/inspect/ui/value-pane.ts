import { describe, whole } from '../data/cells.js';
import type { Cell } from '../data/source.js';
import { button, el } from './dom.js';
import { FaultLine } from './fault.js';

/** Where one value is shown whole. */
export class ValuePane {
  private readonly title = el('span', { class: 'name' });
  private readonly about = el('span', { class: 'type' });
  private readonly text = el('pre', { attrs: { tabindex: '0' } });
  private readonly fault = new FaultLine();
  readonly element: HTMLElement;
  /** What had the focus before. */
  private before: HTMLElement | undefined;
  /** Counts the values, of which only the last one asked for is shown. */
  private turn = 0;

  constructor() {
    const copy = button('Copy', 'Copy the value', () => void navigator.clipboard?.writeText(this.text.textContent ?? '').catch(() => {}));
    const close = button('✕', 'Close the value', () => this.hide());
    const keydown = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      this.hide();
    };
    this.element = el(
      'section',
      { class: 'value', hidden: true, attrs: { 'aria-label': 'Value' }, on: { keydown } },
      el('header', {}, this.title, this.about, el('span', { class: 'space' }), copy, close),
      this.fault.element,
      this.text,
    );
  }

  /** Shows a value once it is there. */
  async show(name: string, value: Cell | Promise<Cell>, bigints: boolean): Promise<void> {
    this.turn += 1;
    const { turn } = this;
    const { activeElement } = this.element.getRootNode() as ShadowRoot;
    if (this.element.hidden && activeElement instanceof HTMLElement) this.before = activeElement;
    this.element.hidden = false;
    this.title.textContent = name;
    this.fault.show(undefined);
    try {
      const it = await value;
      if (turn !== this.turn) return;
      this.about.textContent = describe(it, bigints);
      this.text.textContent = whole(it, bigints);
    } catch (error) {
      if (turn !== this.turn) return;
      this.about.textContent = '';
      this.text.textContent = '';
      this.fault.show(error);
    }
  }

  hide(): void {
    this.turn += 1;
    if (this.element.hidden) return;
    this.element.hidden = true;
    if (this.before?.isConnected === true) this.before.focus();
    this.before = undefined;
  }
}
