import type { Database } from '../api/database.js';
import type { MigrationFiles } from '../api/migration-files.js';
import { InvalidArgumentError, type OpenOptions, list, open } from '../browser/index.js';
import { Panel } from './ui/panel.js';

/** How a panel is shown. */
export interface InspectOptions {
  /** The element in which the panel is, and which it fills. Default: none, it is at the bottom of the window. */
  parent?: Element | ShadowRoot | DocumentFragment;
  /** Its colours. Default: `'auto'`, those that the user prefers. */
  theme?: 'auto' | 'light' | 'dark';
  /**
   * The settings with which a database is opened by its name. With those of the page, the log of commits tells which rows
   * the page has changed; with others, only that something was. Default: the defaults of `open`.
   */
  open?: Omit<OpenOptions, 'bigint' | 'create' | 'migrations' | 'signal' | 'storage' | 'timeout'>;
  /** The program's migrations, to show which are pending. None is applied. Default: only those in the database are shown. */
  migrations?: MigrationFiles;
}

/** A panel that shows a database, from {@link inspect}. */
export interface Inspector extends AsyncDisposable {
  /** The element of the panel. */
  readonly element: HTMLElement;
  /** Resolves when the panel shows the database; rejects with the error that the panel shows instead. */
  readonly ready: Promise<void>;
  /** Resolves when the panel is closed, by {@link close} or by its user. */
  readonly closed: Promise<void>;
  /**
   * Closes the panel: it is removed, and all that ran for it ends. The database is closed if it was opened for the panel,
   * and stays open if it was given. Closing again does nothing.
   */
  close(): Promise<void>;
}

/**
 * Shows a panel in this element.
 *
 * @param removes whether the element is the panel's own, and goes with it
 * @internal
 */
export function show(element: HTMLElement, database: string | Database, options: InspectOptions, removes: boolean): Inspector {
  if (typeof database !== 'string' && typeof database?.watch !== 'function') {
    throw new InvalidArgumentError({ kind: 'InvalidArgument', message: 'inspect() takes the name of a database, or an open database' });
  }
  const own = typeof database === 'string';
  const look = {
    name: own ? database : database.path,
    theme: options.theme ?? 'auto',
    docked: removes && options.parent === undefined,
    migrations: options.migrations,
  };
  const ending = new AbortController();
  const { signal } = ending;
  let over = (): void => {};
  const closed = new Promise<void>((resolve) => (over = resolve));
  const panel = new Panel(element, look, removes ? () => void close() : undefined);
  const opened = own ? openExisting(database, options.open, signal) : Promise.resolve(database);
  const ready = opened.then((db) => (signal.aborted ? undefined : panel.show(db)));
  ready.catch((error: unknown) => panel.fail(error));

  let closing: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    ending.abort(new DOMException('the panel was closed', 'AbortError'));
    panel.close();
    if (removes) element.remove();
    if (own) await opened.then((db) => db.close()).catch(() => {});
    over();
  };
  const close = (): Promise<void> => (closing ??= end());
  return { element, ready, closed, close, [Symbol.asyncDispose]: close };
}

/** Opens a database, which must exist, with the settings of the page, so that both share one engine and what it knows. */
async function openExisting(name: string, options: InspectOptions['open'], signal: AbortSignal): Promise<Database> {
  // `create: false` would be another setting than the page's, so it is only asked what is wrong.
  if (!(await list()).includes(name)) await (await open(name, { ...options, create: false, signal })).close();
  return open(name, { ...options, bigint: true, signal });
}
