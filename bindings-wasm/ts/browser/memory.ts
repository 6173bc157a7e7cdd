import type { Files } from '../engine/serve.js';

/** A file's bytes, with room to grow. */
interface Content {
  bytes: Uint8Array;
  size: number;
}

const NOT_FOUND = -2;
const NOT_HERE = -7;

/** The suffixes that SQLite adds to the name of a database for the files next to it. */
const BESIDE = /-(?:wal|journal)$/;

/**
 * Files in the worker's memory, for `storage: 'memory'`. With them, such a database has
 * connections in addition to its writer's, like one in OPFS.
 */
export class MemoryFiles implements Files {
  private readonly named = new Map<string, Content>();
  private readonly opened: (Content | undefined)[] = [];
  /** The only database kept here: another one named by a statement would be lost silently. */
  private database: string | undefined;

  open(name: string, create: boolean): number {
    this.database ??= name;
    if (name.replace(BESIDE, '') !== this.database) return NOT_HERE;
    let content = this.named.get(name);
    if (content === undefined) {
      if (!create) return NOT_FOUND;
      content = { bytes: new Uint8Array(0), size: 0 };
      this.named.set(name, content);
    }
    return this.opened.push(content) - 1;
  }

  close(file: number): void {
    this.opened[file] = undefined;
  }

  read(file: number, into: Uint8Array, at: number): number {
    const { bytes, size } = this.content(file);
    const part = bytes.subarray(at, Math.min(at + into.length, size));
    into.set(part);
    return part.length;
  }

  write(file: number, from: Uint8Array, at: number): number {
    const content = this.content(file);
    reach(content, at + from.length);
    content.bytes.set(from, at);
    return 0;
  }

  truncate(file: number, size: number): number {
    const content = this.content(file);
    // The cut-off part reads as zeros if the file grows again.
    if (size < content.size) content.bytes.fill(0, size, content.size);
    reach(content, size);
    content.size = size;
    return 0;
  }

  sync(): number {
    return 0;
  }

  size(file: number): number {
    return this.content(file).size;
  }

  remove(name: string): number {
    this.named.delete(name);
    return 0;
  }

  /** Returns nothing: each name is its own database. */
  fullName(): undefined {
    return undefined;
  }

  /** Returns false: nobody else can remove or replace an open file. */
  hasMoved(): boolean {
    return false;
  }

  exists(name: string): boolean {
    return (this.named.get(name)?.size ?? 0) > 0;
  }

  private content(file: number): Content {
    return this.opened[file] as Content;
  }
}

function reach(content: Content, size: number): void {
  if (size > content.bytes.length) {
    const grown = new Uint8Array(Math.max(size, content.bytes.length * 2));
    grown.set(content.bytes.subarray(0, content.size));
    content.bytes = grown;
  }
  content.size = Math.max(content.size, size);
}
