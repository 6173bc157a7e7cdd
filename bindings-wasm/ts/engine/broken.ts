/** Which call broke an engine. */
import type { Broke } from '../client/connector.js';

/** The call that SQLite was running when the engine broke. */
export interface Culprit {
  client: number;
  request: number;
  /** Whether it had begun to change something. */
  changes: boolean;
}

/** Returns how the engine broke, from the viewpoint of a client. */
export function brokenFor(client: number, by: Culprit | undefined): Broke | undefined {
  if (by === undefined) return { request: 0, changes: true };
  return by.client === client ? { request: by.request, changes: by.changes } : undefined;
}
