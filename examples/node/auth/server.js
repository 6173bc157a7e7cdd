import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';

import { betterAuth } from 'better-auth';
import { getMigrations } from 'better-auth/db/migration';
import { fromNodeHeaders, toNodeHandler } from 'better-auth/node';
import { Kysely } from 'kysely';
import { open } from 'ubiqlite';
import { UbiqliteDialect } from 'ubiqlite/kysely';

/**
 * Starts the server, on a database file that it creates when it is missing.
 *
 * @param {{ path: string, port: number, secret: string }} options port 0 takes a free one
 * @returns {Promise<{ address: string, close: () => Promise<void> }>}
 */
export async function start({ path, port, secret }) {
  const database = await open(path);
  const db = new Kysely({ dialect: new UbiqliteDialect({ database }) });
  const server = createServer();
  await new Promise((resolve) => server.listen(port, 'localhost', resolve));
  const address = `http://localhost:${server.address().port}`;

  // `transaction`: a user and its password are stored both or neither.
  const auth = betterAuth({
    database: { db, type: 'sqlite', transaction: true },
    emailAndPassword: { enabled: true },
    baseURL: address,
    secret,
    telemetry: { enabled: false },
  });
  // better-auth creates its tables, and we ours.
  const { runMigrations } = await getMigrations(auth.options);
  await runMigrations();
  await database.execute(`CREATE TABLE IF NOT EXISTS notes (
    id INTEGER PRIMARY KEY, user TEXT NOT NULL REFERENCES user (id) ON DELETE CASCADE, text TEXT NOT NULL)`);

  const authenticate = toNodeHandler(auth);
  server.on('request', (request, response) => {
    if (request.url.startsWith('/api/auth/')) return authenticate(request, response);
    notes(request).catch((error) => ({ status: 500, body: { error: error.message } })).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });

  /** Adds a note of the user who has signed in, or returns all of them. */
  async function notes(request) {
    if (request.url !== '/notes') return { status: 404, body: { error: 'there is /notes and /api/auth' } };
    const session = await auth.api.getSession({ headers: fromNodeHeaders(request.headers) });
    if (session === null) return { status: 401, body: { error: 'sign in first' } };
    const user = session.user.id;
    if (request.method === 'POST') {
      const key = await database.table('notes').insert({ user, text: await text(request) });
      return { status: 201, body: { id: key } };
    }
    return { status: 200, body: await database.query('SELECT id, text FROM notes WHERE user = ? ORDER BY id', [user]) };
  }

  return {
    address,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await db.destroy();
    },
  };
}
