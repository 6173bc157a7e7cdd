/** One timer for all calls with a time limit, however many there are. */

/** Longer delays overflow and would fire at once. */
const LONGEST = 2 ** 31 - 1;

export class Deadlines {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private next = Infinity;

  /** @param due called when the earliest deadline has passed; returns the earliest one left */
  constructor(private readonly due: (now: number) => number) {}

  /** Calls `due` at this deadline at the latest. */
  add(deadline: number): void {
    if (deadline >= this.next) return;
    this.stop();
    this.next = deadline;
    // A moment later than the engine, whose reply is better.
    const delay = Math.max(0, Math.ceil(deadline - performance.now()));
    this.timer = setTimeout(() => this.ring(), Math.min(delay, LONGEST));
    // In Node, this timer must not keep the process alive; a pending call does.
    (this.timer as { unref?: () => void }).unref?.();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.next = Infinity;
  }

  private ring(): void {
    this.stop();
    const next = this.due(performance.now());
    if (next !== Infinity) this.add(next);
  }
}
