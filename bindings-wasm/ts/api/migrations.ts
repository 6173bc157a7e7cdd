import { invalid } from '../errors.js';
import type { Call } from '../client/call.js';
import type { CallOptions } from '../client/options.js';
import { CellReader } from '../wire/cells.js';
import { aKindOf } from '../wire/kinds.js';
import { Op } from '../wire/ops.js';
import type { Reply } from '../wire/reply.js';
import type { Writer } from '../wire/writer.js';
import { type MigrationFile, type MigrationFiles, reading } from './migration-files.js';
import type { CallTarget } from './statements.js';

/** How migrations are applied. */
export interface MigrationOptions {
  /**
   * Whether to go on with a database that has migrations which these files lack: a newer program has made them. One
   * whose file says `-- breaks: older` is refused all the same. Default: false, the error is `SchemaTooNew`.
   */
  allowNewer?: boolean;
  /**
   * Whether a file that was changed after it was applied counts as applied, as it is now. Default: false, that is an
   * error, which names the file and the line.
   */
  acceptEdited?: boolean;
  /**
   * How long to wait, in milliseconds, while somebody else holds the write lock, perhaps to apply the same migrations.
   * The time counts anew whenever another migration is done. Default: 600000, 10 minutes.
   */
  lockTimeout?: number;
}

/** The migrations that are run when a database is opened: their files, and how they are applied. */
export type OpeningMigrations = MigrationFiles | ({ readonly files: MigrationFiles } & MigrationOptions);

/** One step of what is to be done, or was done. */
export interface MigrationStep {
  /** The migration's number: a bigint if a number can't hold it. */
  readonly number: number | bigint;
  /** Its file's name, without the ending: `'0001_items'`. */
  readonly name: string;
  /**
   * What is done: it is applied, or undone (`'revert'`); it is noted as done (`'note'`), since what it replaces is done
   * or another tool's ledger has it; its file was changed and counts as applied as it is now (`'accept_edit'`).
   */
  readonly action: 'apply' | 'revert' | 'note' | 'accept_edit';
  /** Whether it has the header `-- alone`. */
  readonly alone: boolean;
  /**
   * How long its statements have run, in milliseconds. `undefined` if none did: it is only planned, it was only noted,
   * or it runs alone and this is a dry run.
   */
  readonly took: number | undefined;
}

/** A migration that a database has. */
export interface AppliedMigration {
  /** Its number: a bigint if a number can't hold it. */
  readonly number: number | bigint;
  /** The name that its file had when it was applied, without the ending. */
  readonly name: string;
  /**
   * When it was applied. `undefined` if it runs alone, was begun, and it is not known whether it was done; the next run
   * does it again.
   */
  readonly appliedAt: Date | undefined;
  /** How long its statements ran, in milliseconds. `undefined` if it was noted as done. */
  readonly took: number | undefined;
  /** Whether it says `-- breaks: older`. */
  readonly breaksOlder: boolean;
  /** Whether it can be undone: its `.down.sql` is in the ledger. */
  readonly reversible: boolean;
  /** Whether it is among this program's files. */
  readonly known: boolean;
}

/** A difference between the schema and what the last migration has left. */
export interface Drift {
  /** What it is, and its name: `'table items'`, `'index items_by_name'`. */
  readonly object: string;
  /** It is gone, it was not there before, or it is another. */
  readonly kind: 'missing' | 'added' | 'changed';
  /** What was changed, in words. Empty unless it was. */
  readonly details: readonly string[];
}

const ACTIONS = ['apply', 'revert', 'note', 'accept_edit'] as const;
const KINDS = ['missing', 'added', 'changed'] as const;

/** What is asked of them: the operation, and what it is told to do. */
const PENDING = [Op.migrations, 0] as const;
const APPLIED = [Op.migrations, 1] as const;
const VERIFY = [Op.migrations, 2] as const;
const REHEARSE = [Op.migrations, 3] as const;
const RUN = [Op.migrate, 0] as const;
const DRY_RUN = [Op.migrate, 1] as const;
const TO = [Op.migrate, 2] as const;
/** Nothing is done: the engine is told which ones this client knows. */
const KNOW = [Op.migrate, 3] as const;

type Asked = readonly [op: number, doing: number];

/**
 * The migrations of one database, from {@link Database.migrations}: what is applied, what is to be done, and doing it.
 *
 * Several tabs, processes and tasks can do it at the same time: one applies a migration, and the others wait and then
 * find it done.
 *
 * ```js
 * const migrations = db.migrations({
 *   '1_items.sql': 'CREATE TABLE items (id INTEGER PRIMARY KEY)',
 *   '2_names.sql': 'ALTER TABLE items ADD COLUMN name TEXT',
 *   '2_names.down.sql': 'ALTER TABLE items DROP COLUMN name',
 * });
 * for (const { name, took } of await migrations.run()) console.log(name, took);
 * await migrations.to(1);
 * ```
 *
 * A client that has applied migrations is refused, by `SchemaTooNew`, from the moment on when another tab or process,
 * which has newer files, applies one that says `-- breaks: older`: its page is to be loaded anew.
 */
export class Migrations {
  private readonly files: ReturnType<typeof reading>;
  private readonly options: MigrationOptions;

  /** @internal */
  constructor(
    private readonly target: CallTarget,
    files: MigrationFiles,
    options: MigrationOptions = {},
  ) {
    this.options = { ...options };
    this.files = toldByCalls(() => {
      checkMigrationOptions(options);
      return reading(files);
    });
  }

  /**
   * Returns what {@link run} would do, in this order. Nothing runs, and nothing is changed.
   *
   * @throws {@link UbiqliteError} `SchemaTooNew` and `InvalidArgument` as of {@link run}
   */
  pending(options?: CallOptions): Promise<MigrationStep[]> {
    return this.ask(PENDING, stepsOf, options);
  }

  /**
   * Applies what is not applied yet, each migration in a transaction of its own, with its place in the ledger: a program
   * that is killed has applied the first so many of them. Returns what was done.
   *
   * Foreign keys are off around each transaction, and checked before it is committed. A call that is aborted or late
   * leaves the migrations that were done; the one under way is undone, or done.
   *
   * @throws {@link UbiqliteError} those of the SQL, with the migration's name and the line. Nothing of that migration is
   * done then; those before it stay applied. `ForeignKeyViolation` with the table if a row is left without its parent.
   * `SchemaTooNew` if the database has migrations that are not among the files. `InvalidArgument` for a file that was
   * changed after it was applied, an SQL file without a number, two with the same number, a way back without a way forth,
   * a header that makes no sense, and for files that are none; in Node, `CannotOpen` or `Io` if the folder or a file
   * can't be read. `Busy` if the write lock was held for the `lockTimeout`. After `OutcomeUnknown`, call it again: what
   * is applied is not applied twice
   */
  run(options?: CallOptions): Promise<MigrationStep[]> {
    return this.ask(RUN, stepsOf, options);
  }

  /**
   * Does what {@link run} would do in one transaction that is rolled back at the end, and returns what was done. A
   * migration with the header `-- alone` can't run in one: it is in the list with `took` undefined.
   *
   * ```js
   * test('the migrations can be applied', () => db.migrations('./migrations').dryRun());
   * ```
   * @throws {@link UbiqliteError} those that {@link run} would meet
   */
  dryRun(options?: CallOptions): Promise<MigrationStep[]> {
    return this.ask(DRY_RUN, stepsOf, options, { number: 0, repeats: true });
  }

  /**
   * Undoes the migrations with a greater number, the last one first, and applies those up to this number that are
   * missing. Each is undone by the `.down.sql` that it was applied with, which the ledger has: a program that lacks the
   * file can do it. `to(0)` undoes all.
   *
   * @throws {@link UbiqliteError} as of {@link run}, and `InvalidArgument` if one of them can't be undone, because there
   * was no `.down.sql`; then nothing is done
   */
  to(number: number | bigint, options?: CallOptions): Promise<MigrationStep[]> {
    return this.ask(TO, stepsOf, options, { number });
  }

  /**
   * Compares the schema with what the last migration has left, and returns the differences: what somebody has changed by
   * hand. Empty if there are none, and if nothing was applied.
   *
   * ```js
   * for (const { object, kind, details } of await db.migrations(files).verify()) console.warn(object, kind, ...details);
   * ```
   * @throws {@link UbiqliteError} as of a query; `InvalidArgument` for the files, as of {@link run}
   */
  verify(options?: CallOptions): Promise<Drift[]> {
    return this.ask(VERIFY, driftOf, options);
  }

  /**
   * Applies all of the migrations to a new database in memory, undoes those that can be undone, and applies them again.
   * Returns what is not as it was the first time, and what differs from `schema.sql`, if that is among the files. Tests
   * of programs call it. This database is neither read nor changed.
   *
   * ```js
   * test('the migrations go forth and back', async () => {
   *   assert.deepEqual(await db.migrations('./migrations').rehearse(), []);
   * });
   * ```
   * @throws {@link UbiqliteError} as of {@link run} and {@link to}, and those of the SQL in `schema.sql`
   */
  rehearse(options?: CallOptions): Promise<Drift[]> {
    return this.ask(REHEARSE, driftOf, options);
  }

  /**
   * Returns the migrations that the database has, in the order of their numbers.
   *
   * @throws {@link UbiqliteError} as of a query; `InvalidArgument` for the files, as of {@link run}
   */
  applied(options?: CallOptions): Promise<AppliedMigration[]> {
    return this.ask(APPLIED, appliedOf, options);
  }

  /** Reads the files, and returns what runs them while the database is opened. @internal */
  async opening(path: string): Promise<() => Promise<void>> {
    const files = await this.files();
    // If the engine is lost meanwhile, the next one does the rest.
    return async () => void (await this.send(files, RUN, stepsOf, undefined, { number: 0, opens: path, repeats: true }));
  }

  private ask<T>(asked: Asked, read: (reply: Reply) => T, options: CallOptions | undefined, how?: How): Promise<T> {
    try {
      const files = this.files();
      return files instanceof Promise ? files.then((list) => this.send(list, asked, read, options, how)) : this.send(files, asked, read, options, how);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  private send<T>(files: readonly MigrationFile[], asked: Asked, read: (reply: Reply) => T, options: CallOptions | undefined, how: How = { number: 0 }): Promise<T> {
    const { client, handle: on } = this.target;
    const { number, opens, repeats } = how;
    return client.call({
      op: asked[0],
      on,
      options: this.target.options(options),
      repeats,
      write: (out) => this.write(out, asked, number, opens ?? '', files),
      read: (reply) => {
        const told = read(reply);
        if (asked === RUN || asked === TO) {
          client.introduction = { op: KNOW[0], write: (out) => this.write(out, KNOW, 0, '', files) };
        }
        return told;
      },
    });
  }

  private write(out: Writer, [, doing]: Asked, number: number | bigint, opens: string, files: readonly MigrationFile[]): void {
    const { allowNewer, acceptEdited, lockTimeout } = this.options;
    out.u8(doing);
    out.bigint(numberOf(number));
    out.u8((allowNewer === true ? 1 : 0) | (acceptEdited === true ? 2 : 0));
    out.integer(lockTimeout === undefined ? -1 : Math.min(Math.ceil(lockTimeout), Number.MAX_SAFE_INTEGER));
    out.text(opens);
    out.u32(files.length);
    for (const [name, text] of files) {
      out.text(name);
      out.text(text);
    }
  }
}

interface How extends Pick<Call<unknown>, 'repeats'> {
  /** The migration to go to; 0 unless that is what is asked for. */
  number: number | bigint;
  /** The path of the database that is being opened, which an error has then. */
  opens?: string;
}

/** Returns the migrations that are given for the opening. @internal */
export function openingMigrations(target: CallTarget, given: OpeningMigrations): Migrations {
  if (typeof given !== 'object' || given === null || !Object.hasOwn(given, 'files')) return new Migrations(target, given as MigrationFiles);
  const { files, ...options } = given as { files: MigrationFiles } & MigrationOptions;
  return new Migrations(target, files, options);
}

/** What is wrong with the arguments is told by the calls, as promises. */
function toldByCalls<T>(make: () => () => T): () => T {
  try {
    return make();
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

function checkMigrationOptions(options: object): void {
  if (typeof options !== 'object' || options === null) throw invalid('the options of migrations must be an object, such as { allowNewer: true }');
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (name === 'allowNewer' || name === 'acceptEdited') {
      if (typeof value !== 'boolean') throw invalid(`the option ${name} must be a boolean, not ${aKindOf(value)}`);
    } else if (name !== 'lockTimeout') {
      throw invalid(`migrations have no option ${JSON.stringify(name)}`);
    } else if (typeof value !== 'number' || !(value >= 0)) {
      throw invalid('the option lockTimeout must be a non-negative number of milliseconds');
    }
  }
}

/** @throws InvalidArgumentError unless it fits in 64 bits; which numbers there are the engine knows */
function numberOf(number: unknown): bigint {
  if (typeof number === 'bigint' ? BigInt.asIntN(64, number) === number : Number.isSafeInteger(number)) return BigInt(number as number | bigint);
  throw invalid(`the number of a migration must be a whole number, not ${typeof number === 'number' ? number : aKindOf(number)}`);
}

function stepsOf(reply: Reply): MigrationStep[] {
  const cells = new CellReader(reply, 'migrations');
  return cells.all(() => ({ number: migrationNumber(cells), name: cells.next() as string, action: cells.one(ACTIONS), alone: cells.flag(), took: tookOf(cells) }));
}

function appliedOf(reply: Reply): AppliedMigration[] {
  const cells = new CellReader(reply, 'migrations');
  return cells.all(() => {
    const [number, name, at] = [migrationNumber(cells), cells.next() as string, cells.optional() as string | undefined];
    const appliedAt = at === undefined ? undefined : new Date(at);
    return { number, name, appliedAt, took: tookOf(cells), breaksOlder: cells.flag(), reversible: cells.flag(), known: cells.flag() };
  });
}

function driftOf(reply: Reply): Drift[] {
  const cells = new CellReader(reply, 'differences');
  return cells.all(() => {
    const [object, kind] = [cells.next() as string, cells.one(KINDS)];
    return { object, kind, details: Array.from({ length: cells.count() }, () => cells.next() as string) };
  });
}

function migrationNumber(cells: CellReader): number | bigint {
  const number = cells.next() as number | bigint;
  return Number.isSafeInteger(Number(number)) ? Number(number) : number;
}

/** Returns milliseconds; the engine counts microseconds. */
function tookOf(cells: CellReader): number | undefined {
  const took = cells.optional();
  return took === undefined ? undefined : Number(took) / 1000;
}
