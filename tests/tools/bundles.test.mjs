// A server bundled into one file runs if the package is installed next to it, if its two
// files are copied, or if the package is left out of the bundle; elsewhere it says what to do.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import commonjs from '@rollup/plugin-commonjs';
import resolve from '@rollup/plugin-node-resolve';
import esbuild from 'esbuild';
import { rollup } from 'rollup';
import webpack from 'webpack';

import { elsewhere, node, project, run } from './support.mjs';

const SERVER = `import { smoke } from './smoke.mjs';
smoke(process.argv[2]).then(console.log, (error) => { console.error(error); process.exitCode = 1; });
`;

const viaEsbuild = (format, end) => async (folder, { external = [] } = {}) => {
  const outfile = join(folder, `out/server.${end}`);
  await esbuild.build({
    absWorkingDir: folder, entryPoints: ['server.mjs'], bundle: true, platform: 'node', format, outfile, external, logLevel: 'error',
  });
  return outfile;
};

const viaRollup = (format, end) => async (folder, { external = [] } = {}) => {
  const file = join(folder, `out/server.${end}`);
  const bundle = await rollup({
    input: join(folder, 'server.mjs'),
    external: [...external, /^node:/],
    plugins: [resolve({ preferBuiltins: true, exportConditions: ['node'] }), commonjs()],
    onwarn: ({ message }) => assert.fail(message),
  });
  await bundle.write({ file, format });
  await bundle.close();
  return file;
};

const viaWebpack = (output, end) => async (folder, { external = [] } = {}) => {
  const filename = `server.${end}`;
  const type = output.module ? 'module' : 'commonjs';
  const compiler = webpack({
    mode: 'production', context: folder, entry: './server.mjs', target: 'node20',
    output: { path: join(folder, 'out'), filename, ...output },
    experiments: { outputModule: output.module === true },
    externals: Object.fromEntries(external.map((name) => [name, `${type} ${name}`])),
  });
  const stats = await new Promise((done, failed) => compiler.run((error, stats) => (error ? failed(error) : done(stats))));
  await new Promise((done) => compiler.close(done));
  const told = stats.toJson({ all: false, errors: true, warnings: true });
  assert.deepEqual([...told.errors, ...told.warnings].map(({ message }) => message), []);
  return join(folder, 'out', filename);
};

const BUNDLERS = {
  'esbuild, ES module': viaEsbuild('esm', 'mjs'),
  'esbuild, CommonJS': viaEsbuild('cjs', 'cjs'),
  'Rollup, ES module': viaRollup('es', 'mjs'),
  'Rollup, CommonJS': viaRollup('cjs', 'cjs'),
  'webpack, ES module': viaWebpack({ module: true }, 'mjs'),
  'webpack, CommonJS': viaWebpack({}, 'cjs'),
};

for (const [name, build] of Object.entries(BUNDLERS)) {
  test(`${name}: a bundled server runs where the package is installed`, async (t) => {
    const folder = project(t, { 'server.mjs': SERVER });
    const script = await build(folder);
    assert.equal(await node([script, join(folder, 'app.db')], { cwd: folder }), 'works\n');
  });

  test(`${name}: alone it says what is missing, and with both files copied it runs`, async (t) => {
    const folder = project(t, { 'server.mjs': SERVER });
    const built = await build(folder);
    const away = elsewhere(t);
    const script = join(away, built.endsWith('.mjs') ? 'server.mjs' : 'server.cjs');
    cpSync(built, script);
    const { code, output } = await run(process.execPath, [script, join(away, 'app.db')], { cwd: away });
    assert.equal(code, 1, output);
    for (const word of ['UnsupportedError', 'node-worker.mjs', 'ubiqlite.wasm', 'external', 'serverExternalPackages']) {
      assert.ok(output.includes(word), output);
    }
    for (const file of ['node-worker.mjs', 'ubiqlite.wasm']) cpSync(join(folder, 'node_modules/ubiqlite/dist', file), join(away, file));
    assert.equal(await node([script, join(away, 'app.db')], { cwd: away }), 'works\n');
  });

  test(`${name}: with the package left out of the bundle it runs`, async (t) => {
    const folder = project(t, { 'server.mjs': SERVER });
    const script = await build(folder, { external: ['ubiqlite'] });
    assert.equal(await node([script, join(folder, 'app.db')], { cwd: folder }), 'works\n');
  });
}

test('what lies in the working directory of a bundled program is not run', async (t) => {
  const engine = `console.log('run of the working directory'); exports.version = () => '0.1.0';\n`;
  const engines = ['gnu', 'musl'].map((libc) => `node_modules/@ubiqlite/${process.platform}-${process.arch}-${libc}/index.js`);
  const folder = project(t, { 'server.mjs': SERVER, ...Object.fromEntries(engines.map((name) => [name, engine])) });
  const built = await BUNDLERS['esbuild, ES module'](folder);
  const away = elsewhere(t);
  const script = join(away, 'bin/server.mjs');
  mkdirSync(join(away, 'bin'));
  cpSync(built, script);
  const { code, output } = await run(process.execPath, [script, join(away, 'app.db')], { cwd: folder });
  assert.equal(code, 1, output);
  assert.ok(output.includes('UnsupportedError') && !output.includes('run of the working directory'), output);
});
