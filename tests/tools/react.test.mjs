// `ubiqlite/react`, as npm installs it: Node and bundlers find it, it uses the application's React, and a server
// renders components with it.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import resolve from '@rollup/plugin-node-resolve';
import esbuild from 'esbuild';
import { rollup } from 'rollup';
import webpack from 'webpack';

import { node, project } from './support.mjs';

const BODY = `
const Items = ({ db }) => {
  const { status, rows } = useLiveQuery(db, 'SELECT 1 AS n');
  return createElement('p', null, status, rows === undefined ? '' : '!');
};
open(':memory:').then(async (db) => {
  console.log(renderToStaticMarkup(createElement(Items, { db })));
  await db.close();
});
`;
const ESM = `import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { open } from 'ubiqlite';
import { useLiveQuery } from 'ubiqlite/react';
${BODY}`;
const CJS = `const { createElement } = require('react');
const { renderToStaticMarkup } = require('react-dom/server');
const { open } = require('ubiqlite');
const { useLiveQuery } = require('ubiqlite/react');
${BODY}`;

const PROGRAMS = {
  'Node, ES module': () => 'app.mjs',
  'Node, CommonJS': () => 'app.cjs',
  esbuild: async (folder) => {
    await esbuild.build({
      absWorkingDir: folder, entryPoints: ['app.mjs'], bundle: true, platform: 'node', format: 'cjs', outfile: 'out.cjs',
      logLevel: 'error',
    });
    return 'out.cjs';
  },
  Rollup: async (folder) => {
    const bundle = await rollup({
      input: join(folder, 'app.mjs'), external: ['react', 'react-dom/server', 'ubiqlite'], plugins: [resolve()],
      onwarn: ({ message }) => assert.fail(message),
    });
    await bundle.write({ file: join(folder, 'out.mjs'), format: 'es' });
    await bundle.close();
    return 'out.mjs';
  },
  webpack: async (folder) => {
    const compiler = webpack({
      mode: 'production', context: folder, entry: './app.mjs', target: 'node20',
      output: { path: folder, filename: 'out.cjs' },
    });
    const stats = await new Promise((done, failed) => compiler.run((error, made) => (error ? failed(error) : done(made))));
    await new Promise((done) => compiler.close(done));
    const told = stats.toJson({ all: false, errors: true, warnings: true });
    assert.deepEqual([...told.errors, ...told.warnings].map(({ message }) => message), []);
    return 'out.cjs';
  },
};

for (const [name, build] of Object.entries(PROGRAMS)) {
  test(`${name}: a server renders a component with a live query`, async (t) => {
    const folder = project(t, { 'app.mjs': ESM, 'app.cjs': CJS });
    const program = await build(folder);
    assert.equal(await node([join(folder, program)], { cwd: folder }), '<p>pending</p>\n');
  });
}
