/** The server, as a browser uses it: by HTTP, with cookies. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { open } from 'ubiqlite';

import { start } from './server.js';

const SECRET = 'only for tests, and long enough for better-auth';
const ANN = { name: 'Ann', email: 'ann@example.com', password: 'correct horse battery' };

/** Starts a server whose file is removed after the test. */
async function server(t) {
  const folder = mkdtempSync(join(tmpdir(), 'ubiqlite-auth-'));
  const path = join(folder, 'app.db');
  let running = await start({ path, port: 0, secret: SECRET });
  t.after(async () => {
    await running.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    path,
    client: () => client(() => running.address),
    async restart() {
      const port = Number(new URL(running.address).port);
      await running.close();
      running = await start({ path, port, secret: SECRET });
    },
  };
}

/** Returns a browser, as far as it keeps cookies. */
function client(address) {
  const cookies = new Map();
  return async (path, body) => {
    const headers = { origin: address(), 'content-type': 'application/json', cookie: [...cookies].map((it) => it.join('=')).join('; ') };
    const response = await fetch(address() + path, body === undefined ? { headers } : { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      value === '' ? cookies.delete(name) : cookies.set(name, value);
    }
    return { status: response.status, body: await response.json().catch(() => undefined) };
  };
}

test('signing up, out and in again; notes are their user\'s', async (t) => {
  const { client } = await server(t);
  const ann = client();
  assert.equal((await ann('/notes')).status, 401);
  assert.equal((await ann('/api/auth/sign-up/email', ANN)).status, 200);
  assert.equal((await ann('/notes', 'water the plants')).status, 201);
  assert.equal((await ann('/api/auth/sign-out', {})).status, 200);
  assert.equal((await ann('/notes')).status, 401, 'signed out');
  assert.equal((await ann('/api/auth/sign-in/email', { ...ANN, password: 'wrong password' })).status, 401);
  assert.equal((await ann('/api/auth/sign-in/email', ANN)).status, 200);
  assert.deepEqual((await ann('/notes')).body, [{ id: 1, text: 'water the plants' }]);
  const bob = client();
  await bob('/api/auth/sign-up/email', { ...ANN, email: 'bob@example.com' });
  assert.deepEqual((await bob('/notes')).body, []);
});

test('a session is still there after a restart', async (t) => {
  const it = await server(t);
  const ann = it.client();
  await ann('/api/auth/sign-up/email', ANN);
  await it.restart();
  assert.equal((await ann('/api/auth/get-session')).body.user.email, ANN.email);
});

test('twenty sign up at once; of two with one address, one is refused and leaves nothing', async (t) => {
  const { client, path } = await server(t);
  const all = await Promise.all(Array.from({ length: 20 }, (_, i) => client()('/api/auth/sign-up/email', { ...ANN, email: `user${i}@example.com` })));
  assert.deepEqual(all.map((it) => it.status), Array.from({ length: 20 }, () => 200));
  const twice = await Promise.all([client(), client()].map((it) => it('/api/auth/sign-up/email', ANN)));
  assert.equal(twice.filter((it) => it.status === 200).length, 1);
  const db = await open(path);
  assert.deepEqual(await db.query('SELECT (SELECT count(*) FROM user) AS users, (SELECT count(*) FROM account) AS accounts'), [{ users: 21, accounts: 21 }]);
  await db.close();
});
