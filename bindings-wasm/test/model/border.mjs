/** The border between the client and its engines: messages are delayed, and engines are lost. */

import { requestsOf } from './bytes.mjs';
import { Engine } from './engine.mjs';

export class Border {
  /**
   * @param shared client and engine share memory, as in Node
   * @param hears see `Engine`
   * @param lasting requests posted to a lost engine are not sent again
   */
  constructor(store, random, errorOf, { shared, hears, lasting }) {
    Object.assign(this, { store, random, errorOf, shared, hears });
    this.connecting = undefined;
    this.lost = 0;
    this.refused = 0;
    this.made = 0;
    /** The texts of the statements that were posted. */
    this.posted = new Set();
    this.line = undefined;
    this.connector = {
      connect: (events) =>
        new Promise((resolve, reject) => {
          this.connecting = { events, resolve, reject };
        }),
      close: async () => {},
      ...(lasting && { lasting }),
    };
  }

  /** The steps that are possible now. */
  get choices() {
    const { line } = this;
    const all = [];
    if (this.connecting !== undefined) all.push('connect');
    if (line === undefined) return all;
    if (line.out.length > 0 && line.engine.running === undefined) all.push('hear');
    if (!line.engine.isIdle) all.push('step');
    if (line.back.length > 0) all.push('answer');
    return all;
  }

  happen(what) {
    const { line } = this;
    switch (what) {
      case 'connect':
        return this.connect();
      case 'hear': {
        const message = line.out.shift();
        if (message === 'close') {
          line.back.push('closed');
          line.engine.closed = true;
          line.engine.handles.clear();
          line.engine.waiting = [];
          line.engine.inbox = [];
          return undefined;
        }
        return line.engine.hear(message);
      }
      case 'step':
        return line.engine.step();
      case 'answer': {
        const message = line.back.shift();
        if (message !== 'closed') return line.events.message(message);
        this.line = undefined;
        return line.closed();
      }
      default:
        return undefined;
    }
  }

  connect(fails = false) {
    const { events, resolve, reject } = this.connecting;
    this.connecting = undefined;
    if (fails) {
      this.refused += 1;
      reject(this.errorOf({ kind: 'Busy', message: 'the model has no engine now' }));
      return;
    }
    const line = { events, out: [], back: [], engine: undefined, closed: undefined };
    line.engine = new Engine(this.store, this.random, (reply) => line.back.push(reply), this.hears);
    this.line = line;
    this.made += 1;
    resolve({
      client: this.made,
      post: (bytes, from, to) => {
        const requests = requestsOf(bytes.subarray(from, to));
        for (const { text } of requests) if (text !== '') this.posted.add(text);
        line.out.push(requests);
      },
      stop: (request) => void line.engine.given.add(request),
      ...(this.shared && {
        withdraw: (request) => {
          line.engine.given.add(request);
          return !line.engine.begun.has(request);
        },
      }),
      busy: () => {},
      close: () =>
        new Promise((closed) => {
          if (this.line !== line) return closed();
          line.closed = closed;
          line.out.push('close');
        }),
    });
  }

  /** Loses the engine, and the messages on their way to or from it. */
  lose() {
    const { line } = this;
    if (line === undefined) return;
    this.lost += 1;
    this.line = undefined;
    const { running } = line.engine;
    const by = running === undefined ? { request: 0, changes: true } : { request: running.id, changes: running.text.startsWith('W') && this.random.once(2) };
    const broke = this.random.once(3) ? by : undefined;
    // Messages that it had sent may arrive first.
    for (const message of line.back.splice(0, this.random.below(line.back.length + 1))) {
      if (message !== 'closed') line.events.message(message);
    }
    if (line.closed !== undefined) line.closed();
    else line.events.lost('the model took the engine away', broke);
  }
}
