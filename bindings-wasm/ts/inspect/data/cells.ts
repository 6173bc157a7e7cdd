import type { Cell } from './source.js';

/** How a value is shown. */
export interface Shown {
  /** What it is: decides the colour and the side. */
  readonly kind: 'null' | 'integer' | 'real' | 'number' | 'text' | 'empty' | 'blob';
  /** In one line, and not too long. */
  readonly text: string;
}

/** The characters of a text, and the bytes of a blob, that are shown in a table. */
const TEXT = 200;
const BYTES = 16;

/** What would break the line or reorder what surrounds it: control characters and those of directions. */
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const PICTURES: Record<string, string> = { '\n': '↵', '\t': '⇥', '\r': '␍', '\0': '␀' };

/**
 * Returns how a value is shown in a table.
 *
 * @param size its size in bytes if it was cut
 * @param bigints whether every INTEGER is a bigint, so that a number is a REAL
 */
export function shown(value: Cell, size: number | undefined, bigints: boolean): Shown {
  if (value === null) return { kind: 'null', text: 'NULL' };
  if (typeof value === 'bigint') return { kind: 'integer', text: String(value) };
  if (typeof value === 'number') return bigints ? { kind: 'real', text: real(value) } : { kind: 'number', text: String(value) };
  if (typeof value === 'string') {
    if (value === '') return { kind: 'empty', text: '(empty)' };
    const line = oneLine(cutAt(value, TEXT));
    return { kind: 'text', text: value.length > TEXT || size !== undefined ? `${line}…` : line };
  }
  const bytes = size ?? value.length;
  return { kind: 'blob', text: `x'${hex(value.subarray(0, BYTES))}${bytes > BYTES ? '…' : ''}' ${sizeText(bytes)}` };
}

function real(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? `${value}.0` : String(value);
}

/** Returns the text in one line, in which nothing is invisible. */
export function oneLine(text: string): string {
  return text.replace(UNSEEN, (it) => PICTURES[it] ?? `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Cuts between characters. */
function cutAt(text: string, length: number): string {
  if (text.length <= length) return text;
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Returns a number of bytes as text. */
export function sizeText(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KiB', 'MiB', 'GiB', 'TiB'];
  let [value, unit] = [bytes / 1024, 0];
  while (value >= 1023.95 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${value.toFixed(1)} ${units[unit]}`;
}

/** How much of one value is shown when it is opened. */
const WHOLE_TEXT = 1_000_000;
const WHOLE_BYTES = 16 * 1024;

/** Returns all of a value, on lines: JSON is indented, a blob is dumped. */
export function whole(value: Cell, bigints: boolean): string {
  if (typeof value === 'string') {
    const text = cutAt(value, WHOLE_TEXT);
    const rest = value.length - text.length;
    return rest > 0 ? `${text}\n… ${rest.toLocaleString('en')} characters more` : (indented(text) ?? text);
  }
  if (value instanceof Uint8Array) return dump(value);
  return shown(value, undefined, bigints).text;
}

function indented(text: string): string | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    // What JavaScript's numbers can't hold would be shown changed.
    return /\d{16}/.test(text) ? undefined : JSON.stringify(value, null, 2);
  } catch {
    return undefined;
  }
}

function dump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, WHOLE_BYTES); at += 16) {
    const line = bytes.subarray(at, at + 16);
    const plain = Array.from(line, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '·')).join('');
    const codes = Array.from(line, (byte) => hex(Uint8Array.of(byte))).join(' ');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${codes.padEnd(47)}  ${plain}`);
  }
  if (bytes.length > WHOLE_BYTES) lines.push(`… ${(bytes.length - WHOLE_BYTES).toLocaleString('en')} bytes more`);
  return lines.join('\n');
}

/** Says what a value is, for its heading. */
export function describe(value: Cell, bigints: boolean): string {
  if (typeof value === 'string') return `TEXT, ${value.length.toLocaleString('en')} characters`;
  if (value instanceof Uint8Array) return `BLOB, ${value.length.toLocaleString('en')} bytes`;
  const { kind } = shown(value, undefined, bigints);
  return kind.toUpperCase();
}
