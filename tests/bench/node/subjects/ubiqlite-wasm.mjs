// ubiqlite with the wasm engine.

import { open as openWith } from './ubiqlite.mjs';

export const open = (path, options) => openWith(path, { ...options, engine: 'wasm' });
