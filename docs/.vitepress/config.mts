import { posix } from 'node:path';
import { defineConfig } from 'vitepress';

const REPOSITORY = 'https://github.com/ubiqlite/ubiqlite/blob/main/';

const GUIDE = [
  ['open', 'Opening a database'],
  ['migrations', 'Migrations'],
  ['rows', 'Rows'],
  ['transactions', 'Transactions'],
  ['concurrency', 'Concurrency'],
  ['live', 'Live queries'],
  ['sync', 'Change sets'],
  ['backup', 'Backup and restore'],
  ['replication', 'Continuous backup'],
  ['observing', 'Observing'],
  ['shell', 'The shell'],
  ['typed-rows', 'Typed rows from a schema'],
  ['cancellation', 'Cancellation and timeouts'],
  ['errors', 'Errors'],
  ['values', 'Values and dates'],
  ['testing', 'Testing'],
  ['deployment', 'Deployment and durability'],
  ['processes', 'Several processes'],
  ['browser', 'Browsers and tabs'],
  ['use-with', 'Use it with …'],
  ['use-with-rust', 'Toasty, refinery, tower-sessions'],
  ['use-with-python', 'SQLAlchemy, Alembic, LangGraph'],
  ['inspect', 'A look inside'],
].map(([page, text]) => ({ text, link: `/guide/${page}` }));

export default defineConfig({
  title: 'ubiqlite',
  description: 'SQLite everywhere: one async storage engine for Rust, the browser, Node, Python and Kotlin',
  // The references, which other tools write, are beside the pages.
  ignoreDeadLinks: [/^\/api\//],
  srcExclude: ['examples/**', 'README.md'],
  outDir: '../target/docs/site',
  cacheDir: '../target/docs/cache',
  lastUpdated: false,
  markdown: {
    languageAlias: { 'rust,no_run': 'rust' },
    // Links to files outside of the site lead to the repository.
    config: (md) => {
      md.core.ruler.push('repository', ({ tokens, env }) => {
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const to = token.attrGet('href');
          if (token.type !== 'link_open' || to === null || !to.startsWith('.')) continue;
          const file = posix.join('docs', posix.dirname(env.relativePath), to);
          if (!file.startsWith('docs/')) token.attrSet('href', REPOSITORY + file);
        }
      });
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Guide', link: '/guide/open' },
      { text: 'API', link: '/api' },
      { text: 'Benchmarks', link: '/benchmarks' },
    ],
    sidebar: [
      { text: 'Guide', items: GUIDE },
      {
        text: 'Reference',
        items: [
          { text: 'API of each language', link: '/api' },
          { text: 'Settings and build flags', link: '/performance' },
          { text: 'Benchmarks', link: '/benchmarks' },
          { text: 'Decisions', link: '/decisions' },
        ],
      },
    ],
    outline: [2, 3],
  },
});
