/** How often is looked whether something is still going on, in milliseconds. */
const LOOK = 50;

/** The moment when nothing is pending and nothing open, waited for before closing. */
export class Quiet {
  private resolve: (() => void) | undefined;

  /**
   * @param patience after so many milliseconds it waits only for what must not be given up
   * @param must whether there is such
   * @param check has `reached` called if it is quiet already
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
