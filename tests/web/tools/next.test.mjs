// Next.js: a route handler and a server component, built by webpack and by Turbopack.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';

import { node, project, tool } from './support.mjs';

const FILES = {
  'app/layout.js': 'export default function Layout({ children }) { return <html lang="en"><body>{children}</body></html>; }\n',
  'app/page.js': `import { open } from 'ubiqlite';
export const dynamic = 'force-dynamic';
export default async function Page() {
  const db = await open(':memory:');
  const sum = await db.queryValue('SELECT 40 + 2');
  await db.close();
  return <p>the sum is {sum}</p>;
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

async function answers(url) {
  for (const until = Date.now() + 60_000; ; ) {
    try {
      const answer = await fetch(url);
      return { status: answer.status, text: await answer.text() };
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((after) => setTimeout(after, 100));
    }
  }
}

for (const [builder, flag] of [['webpack', '--webpack'], ['Turbopack', '--turbopack']]) {
  for (const [how, more] of [['as it is', ''], ['left out of the bundle', "serverExternalPackages: ['ubiqlite']"]]) {
    test(`Next.js, ${builder}, the package ${how}: a page and a route work`, async (t) => {
      const folder = project(t, { ...FILES, 'next.config.mjs': config(more) });
      await node([NEXT, 'build', flag], { cwd: folder, env: ENV, limit: 300_000 });
      const port = await freePort();
      const server = spawn(process.execPath, [NEXT, 'start', '-p', String(port), '-H', '127.0.0.1'], {
        cwd: folder, env: { ...process.env, ...ENV, SMOKE_FILE: `${folder}/app.db` }, stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [server.stdout, server.stderr]) stream.setEncoding('utf8').on('data', (data) => (output += data));
      t.after(async () => {
        server.kill();
        await once(server, 'exit');
      });
      const route = await answers(`http://127.0.0.1:${port}/smoke`);
      assert.equal(route.text, 'works', output);
      const page = await answers(`http://127.0.0.1:${port}/`);
      assert.ok(page.status === 200 && page.text.includes('42'), `${page.text}\n${output}`);
    });
  }
}
