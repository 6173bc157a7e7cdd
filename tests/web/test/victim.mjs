// Starts a browser and waits to be killed.

import { launch } from '../drive.mjs';

const browser = await launch(process.argv[2]);
await browser.newPage('about:blank');
console.log('ready');
setInterval(() => {}, 1000);
