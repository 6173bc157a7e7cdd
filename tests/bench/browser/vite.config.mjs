import { defineConfig } from 'vite';

// The pages as a user of each library would build them.
export default defineConfig({
  base: './',
  build: { target: 'esnext', outDir: '../../../target/bench/browser', emptyOutDir: true },
  // sqlocal's own plugin sets this too.
  worker: { format: 'es' },
});
