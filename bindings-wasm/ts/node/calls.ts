/** Calls on Node's diagnostics channel `ubiqlite:call`. */

import * as diagnostics from 'node:diagnostics_channel';
import type { CallChannel, TracedCall } from '../client/tracer.js';

/** Returns the tracing channel, where this Node has such; tracers subscribe by its name. */
export function callChannel(): CallChannel | undefined {
  const make = (diagnostics as { tracingChannel?: typeof diagnostics.tracingChannel }).tracingChannel;
  if (make === undefined) return undefined;
  const { start, end, asyncStart, asyncEnd, error } = make<unknown, TracedCall>('ubiqlite:call');
  const all = [start, end, asyncStart, asyncEnd, error];
  return {
    get isOn(): boolean {
      return all.some((channel) => channel.hasSubscribers);
    },
    begin<T>(call: TracedCall, work: () => T): T {
      return start.runStores(call, () => {
        try {
          return work();
        } finally {
          end.publish(call);
        }
      }) as T;
    },
    end(call: TracedCall): void {
      if (call.error !== undefined) error.publish(call);
      asyncStart.publish(call);
      asyncEnd.publish(call);
    },
  };
}
