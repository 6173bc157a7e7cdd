/** What a client ends when it closes. */
export class AtClose {
  private readonly first = new Set<() => void>();
  private readonly last = new Set<() => Promise<unknown>>();

  /** Notes what is ended first, such as a watch, whose reader may wait for ever. Returns what forgets it. */
  add(end: () => void): () => void {
    this.first.add(end);
    return () => void this.first.delete(end);
  }

  /** Notes what is ended when all other calls are over, and is waited for. Returns what forgets it. */
  addLast(end: () => Promise<unknown>): () => void {
    this.last.add(end);
    return () => void this.last.delete(end);
  }

  endFirst(): void {
    for (const end of [...this.first]) end();
  }

  async endLast(): Promise<void> {
    await Promise.all([...this.last].map((end) => end()));
  }
}
