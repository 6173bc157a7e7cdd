import { Nesting, type Step } from './nesting.js';

/** What a text does to the connection that it runs on, as far as its words tell. */
export interface Effects {
  /** Whether it has several statements. */
  several: boolean;
  /** Whether it is to run on the one connection: a transaction is begun or ended there, or a script sets something. */
  connection: boolean;
  /** Whether what a script sets stays on the connection. A single statement is refused where it would not. */
  sets: boolean;
  /** How it begins and ends transactions. */
  steps: readonly Step[];
  /** Whether it is nothing but the end of a transaction. */
  end: 'commit' | 'rollback' | undefined;
}

/** Comments, literals, and names in quotes, the content of those in a group. Without an end they go on until that of the text. */
const OPAQUE = /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|'[^']*(?:'|$)|"([^"]*)(?:"|$)|`([^`]*)(?:`|$)|\[([^\]]*)(?:\]|$)/g;

const TRIGGER = /^CREATE\s+(TEMP\s+|TEMPORARY\s+)?TRIGGER\b/i;
const SETS = /^(PRAGMA|ATTACH|DETACH|CREATE\s+TEMP|CREATE\s+TEMPORARY)\b|\bTEMP\s*\./i;

/** Returns what a text does to its connection. */
export function effectsOf(sql: string): Effects {
  const statements = split(sql);
  const [first] = statements;
  const several = statements.length > 1;
  const sets = several && statements.some((it) => SETS.test(it));
  const steps = stepsOf(statements);
  const nesting = new Nesting();
  // A script whose transactions begin and end in it can run on the database.
  const others = steps.filter((it) => !nesting.follow(it)).length > 0;
  const connection = sets || others || nesting.open;
  const end = several || steps[0]?.does !== 'end' ? undefined : /^ROLLBACK\b/i.test(first!) ? 'rollback' : 'commit';
  return { several, connection, sets, steps, end };
}

function stepsOf(statements: readonly string[]): Step[] {
  const steps: Step[] = [];
  let inTrigger = false;
  for (const it of statements) {
    // The semicolons before the END end the statements of its body.
    if (inTrigger) inTrigger = !/^END$/i.test(it);
    else if (TRIGGER.test(it)) inTrigger = true;
    else if (/^BEGIN\b/i.test(it)) steps.push({ does: 'begin' });
    else if (/^SAVEPOINT\b/i.test(it)) steps.push({ does: 'savepoint', name: nameIn(it) });
    else if (/^RELEASE\b/i.test(it)) steps.push({ does: 'release', name: nameIn(it) });
    else if (/^ROLLBACK\b.*\bTO\b/is.test(it)) steps.push({ does: 'return' });
    else if (/^(COMMIT|END|ROLLBACK)\b/i.test(it)) steps.push({ does: 'end' });
  }
  return steps;
}

/** Returns the name of a savepoint, as SQLite compares it; `undefined` for an unusual one. */
function nameIn(statement: string): string | undefined {
  return /^(?:SAVEPOINT|RELEASE(?:\s+SAVEPOINT)?)\s+(\w+)$/i.exec(statement)?.[1]?.toLowerCase();
}

/** Returns the statements of a text without comments and literals. Those of a trigger's body count as its own. */
function split(sql: string): string[] {
  const bare = sql.replace(OPAQUE, (_, ...[double, back, bracket]: (string | undefined)[]) => {
    const name = double ?? back ?? bracket ?? '';
    return /^\w+$/.test(name) ? name : ' ';
  });
  return bare.split(';').map((it) => it.trim()).filter((it) => it !== '');
}
