/**
 * What the package takes from Node and not from the global scope, which is not Node's
 * where Jest runs tests with jsdom: there these are missing.
 */
export { TextDecoder, TextEncoder } from 'node:util';
export { ReadableStream } from 'node:stream/web';
