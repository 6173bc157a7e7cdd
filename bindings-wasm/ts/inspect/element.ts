import { type Inspector, show } from './inspector.js';

/** Where there is no document, the module can be loaded all the same. */
const Base = globalThis.HTMLElement ?? (class {} as unknown as typeof HTMLElement);

/**
 * The panel as an element: `<ubiqlite-inspect database="app.db" theme="dark"></ubiqlite-inspect>`. It opens the database of
 * that name when it gets into the document, and closes it when it is removed.
 */
export class InspectElement extends Base {
  static readonly observedAttributes: readonly string[] = ['database', 'theme'];
  /** The panel that is shown. */
  private inspector: Inspector | undefined;

  /** @internal */
  connectedCallback(): void {
    this.begin();
  }

  /** @internal */
  disconnectedCallback(): void {
    this.end();
  }

  /** @internal */
  attributeChangedCallback(): void {
    if (this.isConnected) this.begin();
  }

  private begin(): void {
    this.end();
    const database = this.getAttribute('database');
    if (database === null) return;
    const theme = this.getAttribute('theme');
    this.inspector = show(this, database, { theme: theme === 'light' || theme === 'dark' ? theme : 'auto' }, false);
    // It says so itself.
    this.inspector.ready.catch(() => {});
  }

  private end(): void {
    void this.inspector?.close();
    this.inspector = undefined;
  }
}

// A page that has two copies of the module has one element.
if (typeof customElements !== 'undefined' && customElements.get('ubiqlite-inspect') === undefined) {
  customElements.define('ubiqlite-inspect', InspectElement);
}
