/** The header of a SQLite file; see https://sqlite.org/fileformat.html#the_database_header. */

/** The length of the header. */
export const HEADER = 100;

/** The beginning of every SQLite file. */
export const MAGIC = 'SQLite format 3\0';

/** Returns why this header is not that of a SQLite file, or of a whole one with `size` bytes; `undefined` if it is. */
export function unfit(header: Uint8Array, size?: number): string | undefined {
  if (header.length < HEADER || Buffer.from(header.subarray(0, MAGIC.length)).toString('latin1') !== MAGIC) {
    return 'it does not begin like one';
  }
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  const stored = view.getUint16(16);
  const pageSize = stored === 1 ? 65536 : stored;
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) return `its page size can't be ${pageSize} bytes`;
  if (size === undefined) return undefined;
  // The page count is valid if it was written with the last change; old writers leave it alone.
  const pages = view.getUint32(24) === view.getUint32(92) ? view.getUint32(28) : 1;
  if (size % pageSize !== 0 || size < pages * pageSize) return `it is cut short: ${size} of ${pages * pageSize} bytes`;
  return undefined;
}
