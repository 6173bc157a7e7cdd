import type { Sql } from './trace.js';

/** So many statements are remembered. */
const MOST = 256;
/** Longer ones are not. */
const LONGEST = 4096;

/**
 * Statements that changed something though they were asked for as queries, such as
 * `INSERT … RETURNING`: the engine said so. The next time that is known before.
 */
export class Writers {
  private readonly known = new Set<string>();

  has(sql: Sql | undefined): boolean {
    return typeof sql === 'string' && this.known.has(sql);
  }

  add(sql: Sql | undefined): void {
    if (typeof sql !== 'string' || sql.length > LONGEST) return;
    for (const oldest of this.known) {
      if (this.known.size < MOST) break;
      this.known.delete(oldest);
    }
    this.known.add(sql);
  }
}
