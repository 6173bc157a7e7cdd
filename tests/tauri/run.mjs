// Builds the app and runs it in a window: `node tests/tauri/run.mjs`, after `cargo xtask build npm`. Needs WebKitGTK
// and, without a screen, Xvfb: `cargo xtask test tauri` installs them.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const library = join(here, '../../bindings-wasm');
const { buildSync } = createRequire(join(library, 'package.json'))('esbuild');

buildSync({
  entryPoints: { page: join(here, 'page/page.mjs') },
  outdir: join(here, 'dist'),
  bundle: true,
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
  alias: { 'ubiqlite/tauri': join(library, 'dist/tauri.js') },
  nodePaths: [join(library, 'node_modules')],
});
copyFileSync(join(here, 'page/index.html'), join(here, 'dist/index.html'));

const run = (command, args, env = {}) => {
  const { status, signal, stdout, error } = spawnSync(command, args, {
    cwd: here,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (error !== undefined) throw error;
  return { status: status ?? signal, stdout };
};

const target = process.env.CARGO_TARGET_DIR ?? join(here, 'target');
const built = run('cargo', ['build', '--locked'], { CARGO_TARGET_DIR: target });
if (built.status !== 0) process.exit(1);

const home = mkdtempSync(join(tmpdir(), 'ubiqlite-tauri-'));
const app = join(target, 'debug/ubiqlite-tauri-test');
// A session bus of its own, and no sandbox or graphics card that a container lacks.
const env = { XDG_DATA_HOME: home, XDG_RUNTIME_DIR: home, WEBKIT_DISABLE_COMPOSITING_MODE: '1', LIBGL_ALWAYS_SOFTWARE: '1', NO_AT_BRIDGE: '1' };
const [command, args] = process.env.DISPLAY === undefined ? ['xvfb-run', ['--auto-servernum', app]] : [app, []];
const { status, stdout } = run(command, args, env);
rmSync(home, { recursive: true, force: true });

const line = stdout.split('\n').find((it) => it.startsWith('['));
const results = line === undefined ? [] : JSON.parse(line);
for (const { name, error } of results) console.log(error === undefined ? `ok      ${name}` : `FAILED  ${name}\n${error}`);
if (status !== 0 || results.length === 0) {
  console.error(`the app ended with ${status}\n${stdout}`);
  process.exit(1);
}
