import { faultOf } from '../data/source.js';
import { el } from './dom.js';

/** The place of a view where it says what went wrong. */
export class FaultLine {
  readonly element = el('div', { class: 'fault', hidden: true, attrs: { role: 'alert' } });

  /** Shows an error; `undefined`: nothing is wrong. */
  show(error: unknown): void {
    this.element.hidden = error === undefined;
    if (error === undefined) {
      this.element.replaceChildren();
      return;
    }
    const { kind, message } = faultOf(error);
    this.element.replaceChildren(el('strong', { text: kind }), ` ${message}`);
  }
}
