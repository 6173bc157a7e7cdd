import type { Sql } from './trace.js';

/** How many statements are remembered. */
const MOST = 256;
/** Longer statements are not remembered. */
const LONGEST = 4096;

/**
 * Statements that were sent as queries but change something, such as `INSERT … RETURNING`,
 * as the engine reported. The next time that is known in advance.
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
