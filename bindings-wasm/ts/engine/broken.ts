/** By which call an engine broke. */
import type { Broke } from '../link/connector.js';

/** The call that SQLite ran for when the engine broke. */
export interface Culprit {
  client: number;
  request: number;
  /** It had begun to change something. */
  changes: boolean;
}

/** How the engine broke, for a client. */
export function brokenFor(client: number, by: Culprit | undefined): Broke | undefined {
  if (by === undefined) return { request: 0, changes: true };
  return by.client === client ? { request: by.request, changes: by.changes } : undefined;
}
