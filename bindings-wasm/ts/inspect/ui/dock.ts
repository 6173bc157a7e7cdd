import { el } from './dom.js';

/** What an arrow key adds to the height, in pixels, and the least that is left of it. */
const STEP = 24;
const LEAST = 120;

/** Makes the edge by which a panel at the bottom of the window is made higher. */
export function edge(host: HTMLElement): HTMLElement {
  const set = (height: number): void => {
    const most = Math.max(LEAST, innerHeight - 40);
    const pixels = Math.round(Math.min(most, Math.max(LEAST, height)));
    // By the object model, which no policy of the page refuses as it does an attribute.
    host.style.height = `${pixels}px`;
    handle.setAttribute('aria-valuenow', String(pixels));
  };
  const handle = el('div', {
    class: 'edge',
    title: 'Drag to resize',
    attrs: { role: 'separator', 'aria-orientation': 'horizontal', 'aria-label': 'Height of the panel', 'aria-valuemin': String(LEAST), tabindex: '0' },
    on: {
      pointerdown: (event) => handle.setPointerCapture(event.pointerId),
      pointermove: (event) => {
        if (handle.hasPointerCapture(event.pointerId)) set(innerHeight - event.clientY);
      },
      keydown: (event) => {
        const step = { ArrowUp: STEP, ArrowDown: -STEP }[event.key];
        if (step === undefined) return;
        event.preventDefault();
        set(host.getBoundingClientRect().height + step);
      },
    },
  });
  return handle;
}
