import { defineConfig } from 'vitepress';

const GUIDE = [
  ['open', 'Opening a database'],
  ['rows', 'Rows'],
  ['transactions', 'Transactions'],
  ['concurrency', 'Concurrency'],
  ['cancellation', 'Cancellation and timeouts'],
  ['errors', 'Errors'],
  ['values', 'Values and dates'],
  ['testing', 'Testing'],
  ['deployment', 'Deployment and durability'],
  ['processes', 'Several processes'],
  ['browser', 'Browsers and tabs'],
].map(([page, text]) => ({ text, link: `/guide/${page}` }));

export default defineConfig({
  title: 'ubiqlite',
  description: 'SQLite everywhere: one async storage engine for Rust, the browser, Node, Python and Kotlin',
  // The references, which other tools write, are beside the pages.
  ignoreDeadLinks: [/^\/api\//],
  srcExclude: ['snippets/**', 'README.md'],
  outDir: '../target/docs/site',
  cacheDir: '../target/docs/cache',
  lastUpdated: false,
  markdown: { lineNumbers: false },
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
