/** `useLiveQuery` of `ubiqlite/react`, with real React, on a page of jsdom. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

import { PACKAGE, database, pause } from '../support.mjs';
import { bundled, complaints, container, shows, until, watches } from './support.mjs';

const SCHEMA = `
  CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL);
  INSERT INTO items VALUES (1, 'lamp', 'new'), (2, 'sofa', 'new'), (3, 'pen', 'done');`;

const EXPORTS = `
  export * as React from 'react';
  export { createRoot, hydrateRoot } from 'react-dom/client';
  export { flushSync } from 'react-dom';
  export { renderToString } from 'react-dom/server';
  export { useLiveQuery } from 'ubiqlite/react';`;

/** The oldest React that the package names, and the newest. */
const VERSIONS = {
  18: { react: './node_modules/react-18', 'react-dom': './node_modules/react-dom-18' },
  // The renderer for servers that has no port of its own, which would keep the process.
  19: { 'react-dom/server': './node_modules/react-dom/server.edge.js' },
};

test('the hook holds neither React nor the rest of the package, which do not hold it', () => {
  for (const file of ['react.mjs', 'react.cjs']) {
    const text = readFileSync(join(dirname(PACKAGE), file), 'utf8');
    assert.ok(text.length < 4000, `${file} has ${text.length} bytes`);
  }
  for (const file of ['browser.js', 'node.cjs', 'worker.js']) {
    assert.doesNotMatch(readFileSync(join(dirname(PACKAGE), file), 'utf8'), /useSyncExternalStore/);
  }
});

for (const [version, alias] of Object.entries(VERSIONS)) {
  const { React, createRoot, hydrateRoot, flushSync, renderToString, useLiveQuery } = await bundled(EXPORTS, { alias });
  const { StrictMode, Suspense, createElement: h, memo, useState } = React;

  /** Renders an element, and returns how to render another and how to remove it. */
  function mount(t, element, strict = false) {
    const into = container(t);
    const root = createRoot(into);
    const show = (next) => flushSync(() => root.render(strict ? h(StrictMode, null, next) : next));
    show(element);
    let over = false;
    const remove = () => {
      if (!over) flushSync(() => root.unmount());
      over = true;
    };
    t.after(remove);
    return { into, show, remove };
  }

  const text = ({ status, rows, error }) => `${status}:${rows?.map((row) => row.name ?? row).join() ?? '-'}${error ? `:${error.kind}` : ''}`;
  const BY_STATUS = 'SELECT id, name FROM items WHERE status = ? ORDER BY id';

  /** Shows a query, and notes what each render returned. */
  function Query({ source, args, seen = [] }) {
    const result = useLiveQuery(source, ...args);
    seen.push(result);
    return text(result);
  }

  const named = (name, body) => test(`React ${version}: ${name}`, async (t) => {
    assert.equal(React.version.split('.')[0], version);
    complaints(t);
    await body(t, await database(t, {}, SCHEMA), watches(t));
  });

  for (const strict of [false, true]) {
    const mode = strict ? 'in StrictMode, ' : '';

    named(`${mode}a component shows the result and each new one, from one watch that ends with it`, async (t, { db }, counts) => {
      const { into, remove } = mount(t, h(Query, { source: db, args: [BY_STATUS, ['new']] }), strict);
      assert.equal(into.textContent, 'pending:-');
      await shows(into, 'ready:lamp,sofa');
      await db.execute("UPDATE items SET name = 'desk' WHERE id = 2");
      await shows(into, 'ready:lamp,desk');
      assert.deepEqual(counts, { begun: 1, running: 1 });
      remove();
      await until(() => counts.running === 0);
      assert.equal(counts.begun, 1);
    });

    named(`${mode}values written in the component do not begin the query again when it renders again`, async (t, { db }, counts) => {
      const at = () => new Date(86_400_000);
      const sql = 'SELECT name FROM items WHERE id = $id AND $at IS NOT NULL AND $bytes IS NOT NULL AND $json IS NOT NULL';
      const Values = () => text(useLiveQuery(db, sql, { id: 1, at: at(), bytes: new Uint8Array([1, 128]), json: { a: [1] } }, { rows: 'object' }));
      const Selected = () => text(useLiveQuery(db.table('items').select().where('status', '=', 'new').whereIn('id', [1, 2]).orderBy('id', 'desc').limit(2)));
      const all = () => [h(Values, { key: 1 }), '|', h(Selected, { key: 2 })];
      const { into, show } = mount(t, all(), strict);
      await shows(into, 'ready:lamp|ready:sofa,lamp');
      for (let turn = 0; turn < 20; turn += 1) {
        show(all());
        await pause(0);
        assert.equal(into.textContent, 'ready:lamp|ready:sofa,lamp');
      }
      assert.deepEqual(counts, { begun: 2, running: 2 });
    });

    named(`${mode}with other values another query begins, whose rows are its own, and the one before ends`, async (t, { db }, counts) => {
      const seen = [];
      const Pair = ({ status }) => {
        const result = useLiveQuery(db, BY_STATUS, [status]);
        seen.push([status, result.rows?.map(({ name }) => name).join()]);
        return text(result);
      };
      const { into, show } = mount(t, h(Pair, { status: 'new' }), strict);
      await shows(into, 'ready:lamp,sofa');
      show(h(Pair, { status: 'done' }));
      assert.equal(into.textContent, 'pending:-');
      await shows(into, 'ready:pen');
      show(h(Pair, { status: 'new' }));
      await shows(into, 'ready:lamp,sofa');
      const rows = { new: 'lamp,sofa', done: 'pen' };
      for (const [status, shown] of seen) assert.ok([undefined, rows[status]].includes(shown), `${status}: ${shown}`);
      await until(() => counts.running === 1);
      assert.equal(counts.begun, 3);
    });

    named(`${mode}with keepPreviousRows the rows before are shown until there are others`, async (t, { db }) => {
      const seen = [];
      const element = (status) => h(Query, { source: db, args: [BY_STATUS, [status], { keepPreviousRows: true }], seen });
      const { into, show } = mount(t, element('new'), strict);
      await shows(into, 'ready:lamp,sofa');
      show(element('done'));
      assert.equal(into.textContent, 'pending:lamp,sofa');
      await shows(into, 'ready:pen');
      seen.length = 0;
      show(element('none'));
      await shows(into, 'ready:');
      assert.ok(seen.every(({ rows }) => rows !== undefined));
    });

    named(`${mode}mounted and removed over and over, nothing stays behind`, async (t, { db }, counts) => {
      for (let turn = 0; turn < 100; turn += 1) {
        const { remove } = mount(t, h(Query, { source: db, args: [BY_STATUS, [`${turn}`]] }), strict);
        if (turn % 2 === 0) await pause(0);
        remove();
      }
      await until(() => counts.running === 0);
      // Whatever the engine still had would keep it from closing at once.
      const begun = performance.now();
      await db.close();
      assert.ok(performance.now() - begun < 4000);
    });
  }

  named('a row that stayed is the same object, so that memo() renders the changed row alone', async (t, { db }) => {
    const renders = [];
    const Item = memo(({ item }) => {
      renders.push(item.id);
      return `${item.name};`;
    });
    const List = () => useLiveQuery(db, 'SELECT id, name FROM items ORDER BY id').rows?.map((item) => h(Item, { key: item.id, item })) ?? '';
    const { into } = mount(t, h(List));
    await shows(into, 'lamp;sofa;pen;');
    await db.execute("UPDATE items SET name = 'desk' WHERE id = 2");
    await shows(into, 'lamp;desk;pen;');
    assert.deepEqual(renders, [1, 2, 3, 2]);
  });

  named('a change that leaves the result as it was renders nothing', async (t, { db }) => {
    const seen = [];
    const { into } = mount(t, h(Query, { source: db, args: [BY_STATUS, ['new']], seen }));
    await shows(into, 'ready:lamp,sofa');
    const before = seen.length;
    await db.execute("INSERT INTO items VALUES (4, 'cup', 'done')");
    await db.execute("UPDATE items SET name = name WHERE id = 1");
    await db.execute("UPDATE items SET name = 'end' WHERE id = 1");
    await shows(into, 'ready:end,sofa');
    assert.equal(seen.length, before + 1);
  });

  named('components with one query share one watch, and one that comes later has the rows at once', async (t, { db }, counts) => {
    const late = [];
    const query = (key, seen) => h(Query, { key, source: db, args: [BY_STATUS, ['new']], seen });
    const { into, show, remove } = mount(t, [query(1), query(2)]);
    await shows(into, 'ready:lamp,sofaready:lamp,sofa');
    show([query(1), query(2), query(3, late)]);
    assert.equal(text(late[0]), 'ready:lamp,sofa');
    assert.equal(counts.begun, 1);
    show([query(3, late)]);
    await db.execute("UPDATE items SET name = 'desk' WHERE id = 2");
    await shows(into, 'ready:lamp,desk');
    // In one commit one goes and another comes.
    show([query(4)]);
    assert.equal(into.textContent, 'ready:lamp,desk');
    await pause(0);
    assert.deepEqual(counts, { begun: 1, running: 1 });
    // Another form of rows, and another handle of the same database.
    const lists = h(Query, { key: 5, source: db, args: [BY_STATUS, ['new'], { rows: 'array' }] });
    const limited = h(Query, { key: 6, source: db.timeout(60_000), args: [BY_STATUS, ['new']] });
    show([query(4), lists, limited]);
    await shows(into, 'ready:lamp,desk' + 'ready:1,lamp,2,desk' + 'ready:lamp,desk');
    assert.equal(counts.begun, 2);
    remove();
    await until(() => counts.running === 0);
  });

  named('another database is another query', async (t, { db }, counts) => {
    const { db: other } = await database(t, {}, `${SCHEMA} DELETE FROM items WHERE id = 1;`);
    const { into, show } = mount(t, h(Query, { source: db, args: [BY_STATUS, ['new']] }));
    await shows(into, 'ready:lamp,sofa');
    show(h(Query, { source: other, args: [BY_STATUS, ['new']] }));
    await shows(into, 'ready:sofa');
    show(h(Query, { source: undefined, args: [BY_STATUS, ['new']] }));
    assert.equal(into.textContent, 'pending:-');
    await until(() => counts.running === 0);
    show(h(Query, { source: null, args: [BY_STATUS, ['new']] }));
    show(h(Query, { source: db, args: [BY_STATUS, ['new']] }));
    await shows(into, 'ready:lamp,sofa');
    assert.deepEqual(counts, { begun: 3, running: 1 });
  });

  named('a time limit of the handle does not end it', async (t, { db }) => {
    const { into } = mount(t, h(Query, { source: db.timeout(50), args: [BY_STATUS, ['done']] }));
    await shows(into, 'ready:pen');
    await pause(200);
    await db.execute("UPDATE items SET name = 'ink' WHERE id = 3");
    await shows(into, 'ready:ink');
  });

  named('an error is a state: of what can not be asked, of SQL, and of a table that goes', async (t, { db }, counts) => {
    const element = (...args) => h(Query, { source: db, args });
    const { into, show } = mount(t, element('SELECT name FROM items WHERE id = ?', [undefined]));
    assert.equal(into.textContent, 'error:-:InvalidArgument');
    show(element('SELECT name FROM items', [], { row: 'array' }));
    assert.equal(into.textContent, 'error:-:InvalidArgument');
    show(element('DELETE FROM items'));
    await shows(into, 'error:-:Unsupported');
    show(element('SELECT name FROM absent'));
    await shows(into, 'error:-:NoSuchTable');
    show(element('SELECT name FROM items WHERE id = 1'));
    await shows(into, 'ready:lamp');
    await db.execute('DROP TABLE items');
    await shows(into, 'error:lamp:NoSuchTable');
    await until(() => counts.running === 0);
  });

  named('after an error the query is tried again by a component that comes, next to one that shows the error', async (t, { db }) => {
    const query = (key) => h(Query, { key, source: db, args: ['SELECT name FROM later'] });
    const { into, show } = mount(t, [query(1)]);
    await shows(into, 'error:-:NoSuchTable');
    await db.batch("CREATE TABLE later (name); INSERT INTO later VALUES ('here')");
    show([query(1), query(2)]);
    await shows(into, 'error:-:NoSuchTable' + 'ready:here');
    show([query(2), query(3)]);
    await shows(into, 'ready:here' + 'ready:here');
  });

  named('an error boundary that is reset begins again', async (t, { db }) => {
    class Boundary extends React.Component {
      state = { error: null };
      static getDerivedStateFromError(error) {
        return { error };
      }
      render() {
        return this.state.error === null ? this.props.children : h('button', { onClick: () => this.setState({ error: null }) }, this.state.error.kind);
      }
    }
    const Thrower = () => {
      const { rows, error } = useLiveQuery(db, 'SELECT name FROM later');
      if (error) throw error;
      return rows?.[0].name ?? 'pending';
    };
    // React reports on the console what a boundary catches.
    console.error = console.warn = () => {};
    const { into } = mount(t, h(Boundary, null, h(Thrower)));
    await shows(into, 'NoSuchTable');
    await db.batch("CREATE TABLE later (name); INSERT INTO later VALUES ('here')");
    into.querySelector('button').click();
    await shows(into, 'here');
  });

  named('a render that is discarded begins nothing', async (t, { db }, counts) => {
    const Suspended = ({ on }) => {
      useLiveQuery(db, BY_STATUS, ['new']);
      throw on;
    };
    const { into, show } = mount(t, h(Suspense, { fallback: 'waits' }, h(Suspended, { on: new Promise(() => {}) })));
    await shows(into, 'waits');
    show('gone');
    await pause(20);
    assert.deepEqual(counts, { begun: 0, running: 0 });
  });

  named('a server renders it pending and begins nothing, and the page takes that over', async (t, { db }, counts) => {
    const element = h(Query, { source: db, args: [BY_STATUS, ['new']] });
    const html = renderToString(h('p', null, element));
    assert.equal(html, '<p>pending:-</p>');
    assert.equal(counts.begun, 0);
    const into = container(t);
    into.innerHTML = html;
    const root = hydrateRoot(into, h('p', null, element), { onRecoverableError: (error) => console.error(error) });
    t.after(() => root.unmount());
    await shows(into, 'ready:lamp,sofa');
  });

  named('a state that is set with the change is not torn from the result', async (t, { db }) => {
    let setName;
    const Both = () => {
      const [name, set] = useState('a');
      setName = set;
      return `${text(useLiveQuery(db, 'SELECT name FROM items WHERE name > ? ORDER BY name', [name], { keepPreviousRows: true }))}`;
    };
    const { into } = mount(t, h(Both));
    await shows(into, 'ready:lamp,pen,sofa');
    for (const name of ['l', 'm', 'p', 'q', 'z', 'o']) setName(name);
    await shows(into, 'ready:pen,sofa');
  });

  named('when the database closes, the result stays', async (t, { db }) => {
    const { into, show } = mount(t, h(Query, { source: db, args: [BY_STATUS, ['new']] }));
    await shows(into, 'ready:lamp,sofa');
    await db.close();
    await pause(10);
    assert.equal(into.textContent, 'ready:lamp,sofa');
    show(h(Query, { source: db, args: [BY_STATUS, ['done']] }));
    await shows(into, 'error:-:Closed');
  });
}
