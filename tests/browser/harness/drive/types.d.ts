/** A running browser with its own profile. */
export interface Browser {
  readonly kind: 'chromium' | 'firefox' | 'webkit';
  /** The version, as the browser itself reports it. */
  readonly version: string;
  /** Opens a tab and waits until the page is loaded. */
  newPage(url: string): Promise<Page>;
  /** Ends the browser and everything it started. A second call does nothing. */
  close(): Promise<void>;
}

/** A tab. */
export interface Page {
  /**
   * Runs a function in the page and returns what it resolves to. The argument
   * and the result travel as JSON. The function is sent as its source, so it
   * sees nothing of the test around it. What it throws is thrown here with its
   * `name`, `message`, `kind` and `code`.
   */
  evaluate<A, R>(fn: (arg: A) => R | Promise<R>, arg?: A): Promise<R>;
  /** What the page wrote to the console, and its workers, where the browser reports that. */
  readonly console: string[];
  /** Errors that nobody in the page caught. */
  readonly errors: string[];
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  /** Closes the tab as a user does; nothing in it gets time to finish. */
  close(): Promise<void>;
  /**
   * Kills the process that the page runs in. Other tabs in that process die too;
   * in Chromium each tab has its own.
   */
  crash(): Promise<void>;
  /** Stops everything in the page, as a browser does with a background tab (Chromium only). */
  freeze(): Promise<void>;
  /** Resumes a frozen page. */
  thaw(): Promise<void>;
  /** Limits what the page's origin may store (Chromium only); without a number it removes the limit. */
  quota?(bytes?: number): Promise<void>;
}
