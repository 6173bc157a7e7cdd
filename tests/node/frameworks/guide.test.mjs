/** The guide's programs for React, Vue and Svelte, as they are there, with the real libraries. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parse, compileScript } from 'vue/compiler-sfc';
import { compile, compileModule } from 'svelte/compiler';

import { database } from '../support.mjs';
import { bundled, compiled, complaints, container, shows, until, watches } from './support.mjs';

const SCHEMA = `
  CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, status TEXT NOT NULL);
  INSERT INTO items VALUES (1, 'lamp', 'new'), (2, 'sofa', 'new'), (3, 'pen', 'done');`;

const SVELTE = [
  compiled('.svelte', (filename, source) => compile(source, { filename, generate: 'client' }).js.code),
  compiled('.svelte.js', (filename, source) => compileModule(source, { filename, generate: 'client' }).js.code),
];
const VUE = [
  compiled('.vue', (filename, source) => {
    const { descriptor, errors } = parse(source, { filename });
    assert.deepEqual(errors, []);
    return compileScript(descriptor, { id: filename, inlineTemplate: true }).content;
  }),
];

/** How each library shows the guide's component: it returns how to show another status, and how to remove it. */
const LIBRARIES = {
  async React(into, db) {
    const { Items, Newest, createElement, createRoot } = await bundled(`
      export { createElement } from 'react';
      export { createRoot } from 'react-dom/client';
      export * from './guide/Items.jsx';`);
    const root = createRoot(into);
    const show = (status) => root.render(createElement(Items, { db, status }));
    return { show, remove: () => root.unmount(), newest: (count) => root.render(createElement(Newest, { db, count })) };
  },
  async Vue(into, db) {
    const { Items, createApp, h, reactive } = await bundled(
      `export { createApp, h, reactive } from 'vue';
      export { default as Items } from './guide/Items.vue';`,
      { plugins: VUE },
    );
    const props = reactive({ status: undefined });
    const app = createApp({ render: () => h(Items, { db, status: props.status }) });
    let root;
    const show = (status) => {
      props.status = status;
      root ??= app.mount(into);
    };
    return { show, remove: () => app.unmount() };
  },
  async Svelte(into, db) {
    const { Items, mount, reactive, unmount } = await bundled(
      `export { mount, unmount } from 'svelte';
      export { default as Items } from './guide/Items.svelte';
      export { reactive } from './props.svelte.js';`,
      { plugins: SVELTE },
    );
    const props = reactive({ db, status: undefined });
    let component;
    const show = (status) => {
      props.status = status;
      component ??= mount(Items, { target: into, props });
    };
    return { show, remove: () => unmount(component) };
  },
};

for (const [library, begin] of Object.entries(LIBRARIES)) {
  test(`${library}: the guide's component shows the rows, follows the data and its properties, and ends`, async (t) => {
    complaints(t);
    const { db } = await database(t, {}, SCHEMA);
    const counts = watches(t);
    const into = container(t);
    const { show, remove, newest } = await begin(into, db);
    show('new');
    await shows(into, 'lampsofa');
    const [first] = into.querySelectorAll('li');
    await db.execute("UPDATE items SET name = 'desk' WHERE id = 2");
    await shows(into, 'lampdesk');
    assert.equal(into.querySelector('li'), first, 'the element of a row that stayed is the same');
    show('done');
    await shows(into, 'pen');
    await until(() => counts.running === 1);
    if (newest !== undefined) {
      newest(2);
      await shows(into, 'pendesk');
    }
    remove();
    await until(() => counts.running === 0);
  });

  test(`${library}: the guide's component shows that its query failed`, async (t) => {
    const { db } = await database(t);
    const said = complaints(t);
    const into = container(t);
    const { show, remove } = await begin(into, db);
    if (library === 'React') {
      const errors = [];
      const listener = (event) => {
        errors.push(event.error);
        event.preventDefault();
      };
      window.addEventListener('error', listener);
      t.after(() => window.removeEventListener('error', listener));
      show('new');
      // Without a boundary it is thrown to the page, and React removes what it showed.
      await until(() => errors.length > 0);
      assert.equal(errors[0].kind, 'NoSuchTable');
      said.length = 0;
      return;
    }
    show('new');
    await until(() => into.textContent.includes('items'));
    assert.match(into.textContent, /no such table/);
    remove();
  });
}
