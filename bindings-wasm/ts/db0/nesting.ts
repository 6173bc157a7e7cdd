/** A statement that begins or ends a transaction, or a part of one. */
export interface Step {
  does: 'begin' | 'savepoint' | 'release' | 'return' | 'end';
  /** Of a savepoint. */
  name?: string | undefined;
}

/** Whether a transaction is open on a connection, by the statements that have succeeded on it. */
export class Nesting {
  open = false;
  /** The savepoints of a transaction that the first of them began. There may be some that `ROLLBACK TO` has ended. */
  private savepoints: (string | undefined)[] | undefined;

  /** Follows a statement. Returns whether it may succeed, by those before it. */
  follow({ does, name }: Step): boolean {
    const { open } = this;
    switch (does) {
      case 'begin':
        this.open = true;
        this.savepoints = undefined;
        return true;
      case 'savepoint':
        if (!open) this.savepoints = [];
        this.open = true;
        this.savepoints?.push(name);
        return true;
      case 'release':
        this.release(name);
        return open;
      case 'return':
        return open;
      case 'end':
        this.open = false;
        return open;
    }
  }

  private release(name: string | undefined): void {
    const at = name === undefined ? -1 : (this.savepoints?.lastIndexOf(name) ?? -1);
    // Without a name that is known, the transaction counts as open until a COMMIT or ROLLBACK.
    if (at < 0) return;
    this.savepoints!.length = at;
    this.open = at > 0;
  }
}
