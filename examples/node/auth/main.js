import { randomUUID } from 'node:crypto';

import { start } from './server.js';

const { AUTH_SECRET: secret = randomUUID(), PORT = '3000' } = process.env;
const { address, close } = await start({ path: process.argv[2] ?? 'app.db', port: Number(PORT), secret });
console.log(`listening on ${address}`);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, close);
