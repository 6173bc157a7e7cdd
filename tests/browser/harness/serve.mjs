// A static server for the tests: folders under one origin, with only the headers
// that a test is about.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, resolve, sep } from 'node:path';
import { pipeline } from 'node:stream';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  // Without it WebAssembly.compileStreaming refuses the response.
  '.wasm': 'application/wasm',
};

/** The strictest policy that lets a page compile wasm at all. */
export const STRICT_CSP =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'";

/** The headers that isolate a page, so that it has SharedArrayBuffer. */
export const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

/**
 * Serves folders on a free port of this machine, or on that of `options`.
 *
 * @param {string | Record<string, string>} folders a folder, or folders by the
 *   path that they appear under (`{ '/': site, '/pkg/': dist }`)
 * @param {object} [options]
 * @param {boolean} [options.isolated] sends COOP and COEP
 * @param {boolean | string} [options.csp] sends a Content-Security-Policy: the
 *   strict one, or this one
 * @param {Record<string, string>} [options.headers] sends these too
 * @param {number} [options.port] this port: storage belongs to an origin, so a
 *   kept profile finds its storage again only under the same one
 * @param {Record<string, (request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void>} [options.routes]
 *   serves these paths with a function
 * @returns {Promise<{ origin: string, url: (path?: string) => string, requests: string[], close: () => Promise<void> }>}
 */
export async function serve(folders, options = {}) {
  const mounts = mountsOf(folders);
  const headers = headersOf(options);
  const requests = [];
  const server = createServer((request, response) => {
    const path = pathOf(request.url);
    requests.push(path ?? String(request.url));
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const route = path && options.routes?.[path];
    if (route) return route(request, response);
    answer(mounts, path, request, response).catch((error) => fail(response, 500, String(error)));
  });
  await new Promise((done, failed) => {
    server.once('error', failed);
    server.listen(options.port ?? 0, '127.0.0.1', done);
  });
  // By name: an address of numbers is a secure context too, but a site of its
  // own for each browser's rules about sites.
  const origin = `http://localhost:${server.address().port}`;
  return {
    origin,
    url: (path = '/') => new URL(path, origin).href,
    requests,
    async close() {
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Returns the mounts, the longest path first, so that `/pkg/` comes before `/`. */
function mountsOf(folders) {
  const byPath = typeof folders === 'string' ? { '/': folders } : folders;
  return Object.entries(byPath)
    .map(([path, folder]) => [path.endsWith('/') ? path : `${path}/`, resolve(folder)])
    .sort(([a], [b]) => b.length - a.length);
}

function headersOf({ isolated, csp, headers }) {
  return {
    'cache-control': 'no-cache',
    ...(isolated ? ISOLATED : {}),
    ...(csp ? { 'content-security-policy': csp === true ? STRICT_CSP : csp } : {}),
    ...headers,
  };
}

function pathOf(url) {
  try {
    return decodeURIComponent(new URL(url, 'http://localhost').pathname);
  } catch {
    return undefined;
  }
}

async function answer(mounts, path, request, response) {
  const file = path && (await fileOf(mounts, path));
  if (!file) return fail(response, 404, `no ${path}`);
  response.setHeader('content-type', TYPES[extname(file.path)] ?? 'application/octet-stream');
  response.setHeader('content-length', file.size);
  response.writeHead(200);
  if (request.method === 'HEAD') return response.end();
  // A page that goes away in the middle is not a failure of the server.
  pipeline(createReadStream(file.path), response, () => {});
}

async function fileOf(mounts, path) {
  for (const [prefix, folder] of mounts) {
    if (!path.startsWith(prefix)) continue;
    let file = normalize(join(folder, path.slice(prefix.length)));
    if (file !== folder && !file.startsWith(folder + sep)) return undefined;
    if (path.endsWith('/')) file = join(file, 'index.html');
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile()) return { path: file, size: found.size };
  }
  return undefined;
}

function fail(response, status, text) {
  if (!response.headersSent) response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(text);
}
