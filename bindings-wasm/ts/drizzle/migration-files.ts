import { DrizzleError } from 'drizzle-orm';

/** drizzle-kit's list of its migrations, `meta/_journal.json`. */
export interface MigrationJournal {
  entries: { idx: number; when: number; tag: string; breakpoints: boolean }[];
}

/** Where drizzle-kit's migrations are. */
export type MigrationSource =
  | {
      /** The folder that `out` of drizzle-kit's configuration names. In Node, from 20.16 on. */
      migrationsFolder: string;
    }
  | {
      /** The texts of that folder's files by their paths, `meta/_journal.json` among them, as bundlers give them. */
      files: Record<string, string | MigrationJournal>;
    }
  | {
      /** What drizzle-kit writes as `migrations.js` with `driver: 'expo'`. */
      journal: MigrationJournal;
      migrations: Record<string, string>;
    };

/** A migration that can be run. */
export interface Step {
  tag: string;
  /** When it was generated, in milliseconds: its key in Drizzle's table. */
  when: number;
  /** The SHA-256 of its text, in hexadecimal. */
  hash: string;
  statements: string[];
  /** Its text turns foreign keys off, which SQLite ignores in a transaction. */
  withoutForeignKeys: boolean;
}

/** A line that turns foreign keys off or on. */
const FOREIGN_KEYS = /^[ \t]*PRAGMA[ \t]+foreign_keys[ \t]*=[ \t]*(ON|OFF|0|1|TRUE|FALSE)[ \t]*;?[ \t]*$/gim;

export async function stepsOf(source: MigrationSource): Promise<Step[]> {
  const { journal, textOf } = read(source);
  return Promise.all(
    journal.entries.map(async ({ idx, tag, when }) => {
      const text = textOf(tag, idx);
      if (text === undefined) throw new DrizzleError({ message: `the migration ${tag}.sql of the journal is missing` });
      const parts = text.split('--> statement-breakpoint');
      const statements = parts.map((part) => part.replace(FOREIGN_KEYS, ''));
      return { tag, when, hash: await sha256(text), statements, withoutForeignKeys: statements.some((part, at) => part !== parts[at]) };
    }),
  );
}

function read(source: MigrationSource): { journal: MigrationJournal; textOf: (tag: string, index: number) => string | undefined } {
  if ('migrations' in source) {
    return { journal: source.journal, textOf: (_, index) => source.migrations[`m${String(index).padStart(4, '0')}`] };
  }
  const file = 'files' in source ? fileOf(source.files) : fileIn(source.migrationsFolder);
  const journal = file('meta/_journal.json');
  if (journal === undefined) throw new DrizzleError({ message: "drizzle-kit's meta/_journal.json is missing" });
  const entries = (typeof journal === 'string' ? JSON.parse(journal) : journal) as MigrationJournal;
  return { journal: entries, textOf: (tag) => file(`${tag}.sql`) as string | undefined };
}

function fileOf(files: Record<string, string | MigrationJournal>): (name: string) => string | MigrationJournal | undefined {
  const paths = Object.keys(files);
  return (name) => files[paths.find((path) => path === name || path.endsWith(`/${name}`)) ?? ''];
}

function fileIn(folder: string): (name: string) => string | undefined {
  // No import, which a bundler for browsers would follow.
  const fs = globalThis.process?.getBuiltinModule?.('node:fs');
  if (fs === undefined) throw new DrizzleError({ message: 'migrationsFolder is for Node, from 20.16 on: pass the files' });
  return (name) => {
    const path = `${folder}/${name}`;
    return fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : undefined;
  };
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
