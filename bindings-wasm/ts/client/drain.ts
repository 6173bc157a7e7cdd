/** How often to check whether something is still in progress, in milliseconds. */
const LOOK = 50;

/** Waits, before closing, for the moment when nothing is pending and nothing is open. */
export class Drain {
  private resolve: (() => void) | undefined;

  /**
   * @param patience for how many milliseconds it waits for everything; then only for what must not be cancelled
   * @param must whether there is anything that must not be cancelled
   * @param check calls `reached` if that moment is now
   */
  async wait(patience: number, must: () => boolean, check: () => void): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = (): void => {
      if (must()) timer = setTimeout(look, LOOK);
      else this.reached();
    };
    await new Promise<void>((resolve) => {
      this.resolve = resolve;
      timer = setTimeout(look, patience);
      check();
    });
    clearTimeout(timer);
  }

  reached(): void {
    this.resolve?.();
    this.resolve = undefined;
  }
}
