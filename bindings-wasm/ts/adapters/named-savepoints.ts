import type { Snapshot } from '../api/session.js';
import type { Savepoint, Transaction } from '../api/transaction.js';

/** Savepoints by name, as in SQL, for libraries that have no handle of them. */
export class NamedSavepoints {
  private readonly begun: { name: string; savepoint: Savepoint | undefined }[] = [];

  /** The handle on which everything runs while a savepoint is open. */
  get innermost(): Savepoint | undefined {
    return this.begun.at(-1)?.savepoint;
  }

  /** Begins a savepoint. In a snapshot, where nothing is written, it is only a name. */
  async begin(within: Transaction | Snapshot, name: string): Promise<void> {
    const outer = this.innermost ?? within;
    const savepoint = 'beginSavepoint' in outer ? await outer.beginSavepoint() : undefined;
    this.begun.push({ name, savepoint });
  }

  /** Undoes what was done since the savepoint, which stays, as in SQL. */
  async rollbackTo(within: Transaction | Snapshot, name: string): Promise<void> {
    const [{ savepoint }] = this.begun.splice(this.find(name));
    await savepoint?.rollback();
    await this.begin(within, name);
  }

  /** Ends the savepoint and those inside of it, and keeps what they did. */
  releaseTo(name: string): Promise<void> {
    return this.releaseFrom(this.find(name));
  }

  /** Ends all of them, and keeps what they did. */
  releaseAll(): Promise<void> {
    return this.releaseFrom(0);
  }

  /** Forgets them, once their transaction has ended. */
  clear(): void {
    this.begun.length = 0;
  }

  private find(name: string): number {
    const index = this.begun.map((it) => it.name).lastIndexOf(name);
    if (index < 0) throw new Error(`no such savepoint: ${name}`);
    return index;
  }

  private async releaseFrom(index: number): Promise<void> {
    for (const { savepoint } of this.begun.splice(index).reverse()) await savepoint?.release();
  }
}
