/** What an element is made with. */
interface Props {
  class?: string;
  text?: string;
  title?: string;
  hidden?: boolean;
  /** Attributes by name. */
  attrs?: Record<string, string>;
  /** Listeners by event. */
  on?: { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };
}

/** Makes an element. Whatever comes from a database gets into it as text. */
export function el<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  const { class: name, text, title, hidden, attrs = {}, on = {} } = props;
  if (name !== undefined) element.className = name;
  if (title !== undefined) element.title = title;
  if (hidden !== undefined) element.hidden = hidden;
  for (const [attribute, value] of Object.entries(attrs)) element.setAttribute(attribute, value);
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener as EventListener);
  if (text !== undefined) element.textContent = text;
  element.append(...children);
  return element;
}

/** Makes a button. */
export function button(text: string, title: string, pressed: () => void, name = ''): HTMLButtonElement {
  // A sign alone says nothing to those who hear it.
  const attrs: Record<string, string> = /\w/.test(text) ? { type: 'button' } : { type: 'button', 'aria-label': title };
  return el('button', { class: name, text, title, attrs, on: { click: pressed } });
}

/** Makes a switch with its label. */
export function toggle(text: string, title: string, on: boolean, changed: (on: boolean) => void): { element: HTMLElement; input: HTMLInputElement } {
  const input = el('input', { attrs: { type: 'checkbox', role: 'switch' }, on: { change: () => changed(input.checked) } });
  input.checked = on;
  return { element: el('label', { class: 'toggle', title }, input, text), input };
}
