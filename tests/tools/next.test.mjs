// Next.js: a route handler, a server component and a client component, built by webpack and by Turbopack.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, join } from 'node:path';
import { test } from 'node:test';

import { elsewhere, node, project, tool } from './support.mjs';

/** A component that the server renders and the page takes over. */
const ITEMS = `'use client';
import { useLiveQuery } from 'ubiqlite/react';
export function Items() {
  const { status } = useLiveQuery(undefined, 'SELECT name FROM items');
  return <b>{status}</b>;
}
`;
const FILES = {
  'app/layout.js': 'export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }\n',
  'app/items.js': ITEMS,
  'app/page.js': `import { open } from 'ubiqlite';
import { Items } from './items.js';
export const dynamic = 'force-dynamic';
export default async function Page() {
  const db = await open(':memory:');
  const sum = await db.queryValue('SELECT 40 + 2');
  await db.close();
  return <p>the sum is {sum}<Items /></p>;
}
`,
  'app/smoke/route.js': `import { smoke } from '../../smoke.mjs';
export const dynamic = 'force-dynamic';
export async function GET() {
  try {
    return new Response(await smoke(process.env.SMOKE_FILE));
  } catch (error) {
    return new Response(String(error?.stack ?? error), { status: 500 });
  }
}
`,
};
/** With the package left out of the bundle, the hook has Node's copy of React and not Next's, and can't be rendered. */
const WITHOUT_HOOK = { ...FILES, 'app/items.js': 'export const Items = () => <b>pending</b>;\n' };

const config = (more) => `import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
const root = dirname(fileURLToPath(import.meta.url));
export default { turbopack: { root: dirname(dirname(root)) }, outputFileTracingRoot: dirname(dirname(root)), ${more} };
`;

const NEXT = tool('next/dist/bin/next');
const ENV = { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production' };

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

async function fetchWhenUp(url) {
  for (const until = Date.now() + 60_000; ; ) {
    try {
      const response = await fetch(url);
      return { status: response.status, text: await response.text() };
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((after) => setTimeout(after, 100));
    }
  }
}

for (const [builder, flag] of [['webpack', '--webpack'], ['Turbopack', '--turbopack']]) {
  for (const [how, files, more] of [
    ['as it is', FILES, ''],
    ['left out of the bundle', WITHOUT_HOOK, "serverExternalPackages: ['ubiqlite']"],
  ]) {
    test(`Next.js, ${builder}, the package ${how}: a page and a route work`, async (t) => {
      const folder = project(t, { ...files, 'next.config.mjs': config(more) });
      await node([NEXT, 'build', flag], { cwd: folder, env: ENV, limit: 300_000 });
      const port = await freePort();
      await serves(t, [NEXT, 'start', '-p', String(port), '-H', '127.0.0.1'], folder, port);
    });
  }
}

for (const flag of ['--webpack', '--turbopack']) {
  test(`Next.js, standalone, ${flag}: its folder works elsewhere, with the lines that the README names`, async (t) => {
    const folder = project(t, { ...FILES, 'next.config.mjs': config(`output: 'standalone',
    outputFileTracingIncludes: { '/**': ['./node_modules/ubiqlite/{package.json,dist/**}'] }`) });
    await node([NEXT, 'build', flag], { cwd: folder, env: ENV, limit: 300_000 });
    const away = elsewhere(t);
    cpSync(join(folder, '.next/standalone'), away, { recursive: true, verbatimSymlinks: true });
    await serves(t, ['server.js'], join(away, '.work', basename(folder)), await freePort());
  });
}

/** Starts the server, and requests the page and the route. */
async function serves(t, args, cwd, port) {
  const server = spawn(process.execPath, args, {
    cwd, env: { ...process.env, ...ENV, PORT: String(port), HOSTNAME: '127.0.0.1', SMOKE_FILE: `${cwd}/app.db` }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [server.stdout, server.stderr]) stream.setEncoding('utf8').on('data', (data) => (output += data));
  const ended = once(server, 'exit');
  t.after(() => {
    server.kill();
    return ended;
  });
  const route = await Promise.race([fetchWhenUp(`http://127.0.0.1:${port}/smoke`), ended.then(() => ({ text: 'the server ended' }))]);
  assert.equal(route.text, 'works', output);
  const page = await fetchWhenUp(`http://127.0.0.1:${port}/`);
  assert.ok(page.status === 200 && page.text.includes('42') && page.text.includes('<b>pending</b>'), `${page.text}\n${output}`);
}
