/** The client's side of a run: calls through the package's own classes, and their outcomes. */

/** How deeply savepoints are nested at most. */
const DEEPEST = 3;

/** A transaction or savepoint, and the outcome of its end as reported to its holder. */
class Level {
  /** @param parent the enclosing level */
  constructor(parent) {
    this.parent = parent;
    /** `kept`, `undone` or `unknown`, once that is reported. */
    this.outcome = undefined;
    this.numbers = [];
  }

  /** The final outcome. */
  get fate() {
    const { outcome = 'undone' } = this;
    if (outcome !== 'kept' || this.parent === undefined) return outcome === 'unknown' && this.parent?.fate === 'undone' ? 'undone' : outcome;
    return this.parent.fate;
  }
}

/** The statements that the model's engine understands. */
const WORDS = { write: (number) => `W ${number}`, read: (number) => `R ${number}`, fail: (number) => `F ${number}` };

export class Client {
  /**
   * @param pass advances the time
   * @param words the statements to run
   */
  constructor(db, random, pass, words = WORDS) {
    Object.assign(this, { db, random, pass, words });
    this.made = 0;
    /** Every call: its number, its level, and its outcome. */
    this.calls = [];
    this.handles = [];
    this.controllers = [];
    this.levels = [];
    this.closing = undefined;
    this.trace = [];
    /** The time that passed while nothing else happened. */
    this.passed = 0;
  }

  /** Takes one random step of all that a program may take. */
  act() {
    const { random } = this;
    const kind = random.below(20);
    if (kind < 7) this.statement();
    else if (kind < 9) this.begin();
    else if (kind < 10) this.transaction();
    else if (kind < 11) this.acquire();
    else if (kind < 15) this.endOne();
    else if (kind < 18) this.abortOne();
    else if (kind < 19) this.refused();
    else if (random.once(3)) this.interrupt();
    else this.wait(random.pick([1, 20, 100, 1200]));
  }

  wait(millis) {
    this.passed += millis;
    this.note('wait', millis);
    this.pass(millis);
  }

  note(...words) {
    this.trace.push(words.join(' '));
  }

  /** Returns options of a call: a signal that may be aborted later, a time limit, or neither. */
  options() {
    const { random } = this;
    const options = {};
    if (random.once(2)) {
      const controller = new AbortController();
      if (random.once(12)) controller.abort();
      else this.controllers.push(controller);
      options.signal = controller.signal;
    }
    if (random.once(5)) options.timeout = random.pick([0, 5, 50, 400]);
    return options;
  }

  abortOne() {
    const { controllers } = this;
    if (controllers.length === 0) return;
    const [controller] = controllers.splice(this.random.below(controllers.length), 1);
    this.note('abort');
    controller.abort();
  }

  /** Picks a call target for a statement: the database or an open handle. */
  place() {
    const open = this.handles.filter(({ over }) => !over);
    if (open.length === 0 || this.random.once(2)) return { on: this.db, level: undefined };
    return this.random.pick(open);
  }

  statement({ on, level } = this.place(), options = this.options()) {
    this.made += 1;
    const number = this.made;
    // A snapshot only reads.
    const what = on.execute === undefined ? 8 + this.random.below(4) : this.random.below(12);
    const call = { number, level, text: this.words.write(number), writes: true, rows: 1, options, told: undefined, on: on === this.db ? 'db' : 'held' };
    let promise;
    if (what < 3) promise = on.execute(call.text, undefined, options);
    else if (what < 5) promise = on.query(call.text, undefined, options);
    else if (what < 6) promise = on.executeMany(call.text, [undefined], options);
    else if (what < 7) {
      call.rows = 2;
      promise = on.executeMany(call.text, later(this.random), options);
    } else if (what < 8) {
      call.text = this.words.fail(number);
      call.writes = false;
      promise = on.execute(call.text, undefined, options);
    } else {
      call.reads = true;
      call.text = this.words.read(number);
      call.writes = false;
      if (what < 9) promise = on.queryValue(call.text, undefined, options);
      else if (what < 10) promise = on.query(call.text, undefined, options);
      else promise = on.stream(call.text, undefined, options).toArray();
    }
    this.note(call.text, 'on', call.on, JSON.stringify({ signal: options.signal !== undefined, timeout: options.timeout }), what);
    this.calls.push(call);
    level?.numbers.push(call);
    return this.told(call, promise);
  }

  /** Records the outcome of a call, which must be reported exactly once. */
  told(call, promise) {
    return promise.then(
      () => this.tell(call, 'ok'),
      (error) => this.tell(call, error.kind ?? String(error.stack ?? error)),
    );
  }

  tell(call, outcome) {
    if (call.told !== undefined) throw new Error(`${call.text} was told ${call.told}, and then ${outcome}`);
    call.told = outcome;
    this.note(call.text, '->', outcome);
    return outcome;
  }

  /** Begins a transaction, or a savepoint. */
  begin() {
    const open = this.handles.filter(({ over, kind }) => !over && kind !== 'snapshot');
    const outer = this.random.once(3) ? undefined : open[this.random.below(open.length + 1)];
    const options = this.options();
    const call = this.plain('begin');
    if (outer?.level !== undefined) {
      if (outer.depth >= DEEPEST) return;
      const level = this.level(outer.level);
      void this.told(call, outer.on.beginSavepoint(options).then((on) => this.hold({ on, level, kind: 'savepoint', depth: outer.depth + 1, outer })));
    } else {
      const level = this.level(undefined);
      void this.told(call, (outer?.on ?? this.db).begin(options).then((on) => this.hold({ on, level, kind: 'transaction', depth: 0, outer })));
    }
  }

  level(parent) {
    const level = new Level(parent);
    this.levels.push(level);
    return level;
  }

  plain(text) {
    this.made += 1;
    const call = { number: this.made, level: undefined, text: `${text} ${this.made}`, writes: false, options: {}, told: undefined };
    this.calls.push(call);
    return call;
  }

  hold(handle) {
    this.handles.push({ over: false, ...handle });
  }

  acquire() {
    const lent = this.random.once(4)
      ? this.db.snapshot(this.options()).then((on) => this.hold({ on, level: undefined, kind: 'snapshot', depth: 0 }))
      : this.db.acquire(this.options()).then((on) => this.hold({ on, level: undefined, kind: 'session', depth: 0 }));
    void this.told(this.plain('lend'), lent);
  }

  /** Ends an open handle, keeping or undoing its writes. */
  endOne() {
    const open = this.handles.filter(({ over }) => !over);
    if (open.length === 0) return;
    const it = this.random.pick(open);
    if (it.kind === 'session' || it.kind === 'snapshot') {
      it.over = true;
      this.note('release', it.kind);
      if (it.kind === 'session') it.on.release();
      else it.on.close();
      return;
    }
    const keeps = this.random.below(4) !== 0;
    const options = this.options();
    this.note(keeps ? 'keep' : 'undo', it.kind, JSON.stringify({ signal: options.signal !== undefined, timeout: options.timeout }));
    const end = keeps ? (it.kind === 'savepoint' ? it.on.release(options) : it.on.commit(options)) : it.on.rollback(options);
    it.over = true;
    const call = this.plain(keeps ? 'keep' : 'undo');
    void this.told(call, end).then((outcome) => {
      if (!keeps) it.level.outcome = 'undone';
      else it.level.outcome = outcome === 'ok' ? 'kept' : outcome === 'OutcomeUnknown' ? 'unknown' : 'undone';
    });
  }

  /** Runs a transaction whose body makes several calls, with pauses between them. */
  transaction() {
    const options = this.options();
    const level = this.level(undefined);
    const call = this.plain('transaction');
    let ended = false;
    const outcome = this.db.transaction(async (tx) => {
      const place = { on: tx, level };
      for (let left = this.random.below(3); left >= 0; left -= 1) {
        const told = this.statement(place, this.random.once(2) ? {} : this.options());
        if (!this.random.once(4)) await told;
      }
      if (this.random.once(2)) await this.nested(tx, level);
      if (this.random.once(3)) await new Promise((resolve) => setTimeout(resolve, this.random.below(100)));
      if (this.random.once(8)) throw new Error('the body fails');
      if (this.random.once(6)) {
        ended = true;
        const keeps = this.random.once(2);
        const end = this.plain(keeps ? 'commit' : 'rollback');
        const told = this.told(end, keeps ? tx.commit(this.options()) : tx.rollback(this.options()));
        void told.then((told) => {
          level.outcome = told === 'OutcomeUnknown' ? 'unknown' : told === 'ok' && keeps ? 'kept' : 'undone';
        });
        if (this.random.once(2)) await told;
      }
    }, options);
    void this.told(call, outcome).then((told) => {
      // If the body ended it, that end has set the outcome.
      if (!ended) level.outcome = told === 'ok' ? 'kept' : told === 'OutcomeUnknown' ? 'unknown' : 'undone';
    });
  }

  async nested(tx, outer) {
    const level = this.level(outer);
    const call = this.plain('savepoint');
    const run = tx.savepoint((it) => this.statement({ on: it, level }, {}), this.options());
    const told = await this.told(call, run);
    level.outcome = told === 'ok' ? 'kept' : told === 'OutcomeUnknown' ? 'unknown' : 'undone';
  }

  /** Makes a call with invalid options. */
  refused() {
    const { on, level } = this.place();
    this.made += 1;
    const call = { number: this.made, level, text: this.words.write(this.made), writes: true, rows: 1, options: {}, told: undefined, refused: true };
    this.calls.push(call);
    const wrong = this.random.pick([{ timeout: -1 }, { signal: new AbortController() }, { timout: 1 }]);
    void this.told(call, on.execute?.(call.text, undefined, wrong) ?? on.query(call.text, undefined, wrong));
  }

  interrupt() {
    const [session] = this.handles.filter(({ over, kind }) => !over && kind === 'session');
    this.note('interrupt');
    if (session !== undefined && this.random.once(2)) session.on.interrupt();
    else this.db.interrupt();
  }
}

/** Yields rows that come late, and perhaps never. */
async function* later(random) {
  if (random.once(2)) await undefined;
  yield undefined;
  if (random.once(3)) await new Promise((resolve) => setTimeout(resolve, random.below(60)));
  if (random.once(6)) throw new Error('the source fails');
  yield undefined;
}
