import type { Connector } from '../link/connector.js';
export function connector(_path: string, _storage: 'file' | 'memory', _options: object): Connector { throw new Error('soon'); }
