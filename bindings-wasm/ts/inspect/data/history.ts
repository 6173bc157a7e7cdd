/** How many statements are kept. */
const KEPT = 100;

/** The statements that were run, for going back to them. */
export class History {
  private readonly texts: string[] = [];
  /** The place of the one that is shown; the number of all: what is being written. */
  private at = 0;
  private draft = '';

  add(text: string): void {
    if (text.trim() !== '' && this.texts.at(-1) !== text) this.texts.push(text);
    if (this.texts.length > KEPT) this.texts.shift();
    this.at = this.texts.length;
  }

  /** Returns the one before, if there is one. @param written what is shown now */
  older(written: string): string | undefined {
    if (this.at === this.texts.length) {
      this.draft = written;
      // What was just run is shown still.
      if (this.texts.at(-1) === written) this.at -= 1;
    }
    if (this.at <= 0) return undefined;
    this.at -= 1;
    return this.texts[this.at];
  }

  /** Returns the one after, and at the end what was being written. */
  newer(): string | undefined {
    if (this.at >= this.texts.length) return undefined;
    this.at += 1;
    return this.texts[this.at] ?? this.draft;
  }
}
