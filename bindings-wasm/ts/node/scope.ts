/**
 * What the package takes from Node instead of the global scope. Where Jest runs tests with
 * jsdom, the global scope is not Node's and lacks these.
 */
export { TextDecoder, TextEncoder } from 'node:util';
export { ReadableStream } from 'node:stream/web';
