import { stopFiles } from './directory.js';

/** How many requests to remember that are to be stopped once they run. */
const REMEMBERED = 64;

/**
 * Stops a statement that runs in an engine without a SharedArrayBuffer.
 *
 * The thread of a running statement hears no message. But it can look whether a
 * file is still there: `FileReaderSync` fails at once for a file that anybody has
 * removed meanwhile. So an engine in whose call some time has passed names such a
 * file to the client whose call it is, and looks at it now and then; whoever may
 * stop the call removes the file, from whichever tab. Measured from the removal
 * to the failure: 2 ms in Chromium, 10 ms in Firefox. (Terminating the worker
 * would be the other way. It takes 2 s in Chromium, 1 s in Firefox, and costs all
 * other clients their engine.)
 */
export class StopRequests {
  private readonly wanted = new Set<number>();
  private current: { request: number; token: string } | undefined;
  /** Known before somebody wants a call stopped: each step on the way there asks another process. */
  private within: Promise<FileSystemDirectoryHandle | undefined> | undefined;

  constructor(private readonly name: string) {}

  /** The client wants `request` stopped, whether it runs now or only later. */
  stop(request: number): void {
    if (this.current?.request === request) {
      this.remove(this.current.token);
      return;
    }
    this.wanted.add(request);
    if (this.wanted.size > REMEMBERED) {
      for (const oldest of this.wanted) {
        this.wanted.delete(oldest);
        break;
      }
    }
  }

  /** The engine says that `request` runs, and by which file it is stopped. */
  running(request: number, token: string | undefined): void {
    this.current = token === undefined ? undefined : { request, token };
    if (token !== undefined) this.within ??= this.look();
    if (token !== undefined && this.wanted.delete(request)) this.remove(token);
  }

  private remove(token: string): void {
    void this.removeKnown(token).then(async (removed) => {
      // A database that was removed and made anew is in another directory.
      if (!removed) await (await (this.within = this.look()))?.removeEntry(token);
      // It is not there any more when the call has ended by itself.
    }).catch(() => {});
  }

  private async removeKnown(token: string): Promise<boolean> {
    const within = await this.within;
    return within?.removeEntry(token).then(() => true, () => false) ?? false;
  }

  private look(): Promise<FileSystemDirectoryHandle | undefined> {
    return stopFiles(this.name).catch(() => undefined);
  }
}
