// Starts a browser and waits to be killed.

import { launch } from '../drive.mjs';

const [kind, dir] = process.argv.slice(2);
const browser = await launch(kind, { dir });
await browser.newPage('about:blank');
console.log('ready');
setInterval(() => {}, 1000);
