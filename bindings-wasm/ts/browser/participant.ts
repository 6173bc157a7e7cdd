import type { ReachableEngine } from './engine.js';
import { failure } from './failure.js';
import { freshId } from './id.js';
import { Leader } from './leader.js';
import { lifecycle } from './lifecycle.js';
import { electionLock, epochLock, hold, isHeld, presenceLock, standbyLock } from './locks.js';
import { type Broadcast, type Leads, PROTOCOL } from './protocol.js';
import { RemoteEngine } from './remote.js';
import type { Role } from './requirements.js';
import { Standby } from './standby.js';

/** If an engine breaks within this time of its start twice in a row, the next one would too. */
const BROKEN = 2000;

/** How long an engine of an older version may continue before the database is reported as busy, in milliseconds. */
const PATIENCE = 5000;

/** A caller that waits for an engine. */
interface Waiter {
  /** Told of an engine of this context that is starting: it may be spoken to before it is ready. */
  begin(engine: ReachableEngine, presence: string): unknown;
  resolve(engine: ReachableEngine): void;
  reject(error: Error): void;
}

/**
 * This context's part in a database that it has open: it stands for election, leads when
 * it is its turn, and knows who leads when it is not.
 *
 * One Web Lock says who leads. The browser itself passes it to the next in line at the
 * moment the previous holder is gone. The others queue for a second lock, whose holder is
 * the next in line and has a worker prepared. The leader's worker announces on the
 * BroadcastChannel that it serves; contexts that come later ask. Nothing here polls, and
 * no timer decides anything, because the timers of a hidden tab are slow.
 */
export class Participant {
  /** Returns this context's part in the database `name`. */
  static of(name: string, role: Role): Participant {
    const known = participants.get(name);
    if (known !== undefined) return known;
    const participant = new Participant(name, role);
    participants.set(name, participant);
    return participant;
  }

  private users = 0;
  private waiters: Waiter[] = [];
  private leader: Leader | undefined;
  /** The engine of this context that is starting. */
  private starting: string | undefined;
  private remote: RemoteEngine | undefined;
  /** The engine that said that it leads while `remote` seemed to be alive. */
  private successor: Leads | undefined;
  /** Aborted to withdraw from the election, or from leading. */
  private campaign: AbortController | undefined;
  private campaigned: Promise<void> = Promise.resolve();
  private bus: BroadcastChannel | undefined;
  /** Whether a newer version of the package has the database. */
  private yielded = false;
  /** Limits the wait for an older version that is in use. */
  private patience: ReturnType<typeof setTimeout> | undefined;
  private present: Promise<{ id: string; release: () => void }> | undefined;
  private readonly unwatch: () => void;

  private constructor(
    private readonly name: string,
    readonly role: Role,
  ) {
    this.unwatch = lifecycle.watch({
      suspend: () => this.withdraw('this page is suspended'),
      resume: () => {
        if (this.users > 0) this.join();
      },
    });
  }

  /** Counts a user of the database. Each user calls `release` once. */
  acquire(): void {
    this.users += 1;
    if (this.users === 1) this.leader?.stay();
    this.join();
  }

  /**
   * Counts a user out. With the last one, this context's part ends, unless others use the
   * engine that it leads with: then it continues for them until they close too, or this
   * context is gone.
   */
  async release(): Promise<void> {
    this.users -= 1;
    if (this.users > 0) return;
    const leader = this.leader;
    if (leader !== undefined && !(await leader.leave())) return;
    if (this.users > 0) return;
    const { campaigned } = this;
    this.dismantle();
    await campaigned;
  }

  /**
   * Returns the leading engine, as soon as there is one.
   *
   * @param begin called before with one of this context that is starting, if it is that which is waited for
   */
  async engine(begin: Waiter['begin']): Promise<ReachableEngine> {
    this.join();
    const known = this.known();
    if (known !== undefined) return known;
    // The newer version that took over may be gone, and its tab with it.
    if (this.yielded && !(await isHeld(electionLock(this.name)))) {
      this.yielded = false;
      this.join();
    }
    const found = new Promise<ReachableEngine>((resolve, reject) => {
      this.waiters.push({ begin, resolve, reject });
    });
    this.say({ who: true });
    if (this.role === 'follower') void this.expectLeader();
    return found;
  }

  /** Returns the name by which engines watch that this context is alive. */
  async presence(): Promise<string> {
    this.join();
    // While suspended there is none. A pipe needs an engine, and there is none either.
    return (await this.present)?.id ?? '';
  }

  private known(): ReachableEngine | undefined {
    return this.leader ?? this.remote;
  }

  private join(): void {
    if (lifecycle.suspended) return;
    this.present ??= this.appear();
    if (this.bus === undefined) {
      this.bus = new BroadcastChannel(electionLock(this.name));
      this.bus.onmessage = ({ data }: MessageEvent<Broadcast>) => this.hear(data);
      this.say({ who: true });
    }
    if (this.campaign === undefined && this.role === 'leader' && !this.yielded) this.stand();
  }

  private async appear(): Promise<{ id: string; release: () => void }> {
    const id = freshId();
    return { id, release: await hold(presenceLock(this.name, id)) };
  }

  private say(message: Broadcast): void {
    this.bus?.postMessage(message);
  }

  private hear(message: Broadcast): void {
    // A context older than the one that asks must not lead after it.
    if ('resign' in message && message.protocol > PROTOCOL && this.leader === undefined && this.starting === undefined) this.yield();
    // While this context leads, such messages are echoes of a previous leader.
    // Its own engine says that it leads before it is ready for this context.
    if (!('leads' in message) || this.leader !== undefined || message.leads === this.starting) return;
    if (message.protocol > PROTOCOL) {
      this.yield();
      return;
    }
    if (message.protocol < PROTOCOL) {
      this.say({ resign: message.leads, protocol: PROTOCOL });
      this.patience ??= setTimeout(() => {
        this.patience = undefined;
        this.refuse(inUse(this.name));
      }, PATIENCE);
      return;
    }
    // Only its lock shows that an engine is gone: a message may be late.
    if (this.remote === undefined) this.follow(message);
    else if (message.leads !== this.remote.epoch) this.successor = message;
  }

  private follow(leads: Leads): void {
    if (this.bus === undefined) return;
    const remote = new RemoteEngine(this.name, leads, this.bus);
    this.remote = remote;
    this.successor = undefined;
    void remote.gone.then(() => {
      if (this.remote !== remote) return;
      this.remote = undefined;
      if (this.successor !== undefined) this.follow(this.successor);
    });
    this.announce(remote);
  }

  /** Yields to a newer version, which has the database or will: this context does not lead it any more. */
  private yield(): void {
    this.yielded = true;
    this.campaign?.abort('a newer version of this package has the database');
    this.campaign = undefined;
    this.refuse(failure('Busy', `${this.name} is open in a tab that runs a newer version of ubiqlite; reload this page`));
  }

  private announce(engine: ReachableEngine): void {
    clearTimeout(this.patience);
    this.patience = undefined;
    for (const { resolve } of this.waiters.splice(0)) resolve(engine);
  }

  private refuse(error: Error): void {
    for (const { reject } of this.waiters.splice(0)) reject(error);
  }

  private stand(): void {
    const campaign = new AbortController();
    const { signal } = campaign;
    this.campaign = campaign;
    this.campaigned = this.run(signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.refuse(failure('Io', `the election failed: ${String(error)}`));
      })
      .then(() => {
        if (this.campaign === campaign) this.campaign = undefined;
        // Somebody came while the database was being closed.
        if (this.users > 0 && this.campaign === undefined && this.waiters.length > 0) this.join();
        else if (this.users === 0) this.dismantle();
      });
  }

  /** Leads at once if nobody does. Otherwise queues to be the next in line, and leads when it is its turn. */
  private async run(resigned: AbortSignal): Promise<void> {
    const election = electionLock(this.name);
    const led = await navigator.locks.request(election, { ifAvailable: true }, async (held) => {
      if (held === null || resigned.aborted) return false;
      await this.lead(resigned);
      return true;
    });
    if (led || resigned.aborted) return;
    const standby = new Standby();
    try {
      let turn = Promise.resolve();
      await navigator.locks.request(standbyLock(this.name), { signal: resigned }, () => {
        standby.begin();
        return new Promise<void>((elected, failed) => {
          turn = navigator.locks.request(election, { signal: resigned }, () => {
            // From here on, another context is the next in line.
            elected();
            return this.lead(resigned, standby);
          });
          turn.catch(failed);
        });
      });
      await turn;
    } finally {
      standby.end();
    }
  }

  /** Leads while this context holds the election lock, with a new engine if one breaks. */
  private async lead(resigned: AbortSignal, standby?: Standby): Promise<void> {
    let breakages = 0;
    while (!resigned.aborted) {
      const begun = performance.now();
      const epoch = freshId();
      const release = await hold(epochLock(this.name, epoch));
      this.starting = epoch;
      const leader = new Leader(this.name, epoch, 'opfs', release, standby?.take());
      const resign = (): void => leader.resign(String(resigned.reason));
      if (resigned.aborted) resign();
      resigned.addEventListener('abort', resign);
      void this.begin(leader);
      try {
        await leader.ready.finally(() => (this.starting = undefined));
      } catch (error) {
        if (!resigned.aborted) this.refuse(error as Error);
        return;
      }
      this.leader = leader;
      const { remote } = this;
      this.remote = undefined;
      remote?.end('this context leads now');
      this.announce(leader);
      if (this.users === 0) void leader.leave();
      const ending = await leader.ending;
      resigned.removeEventListener('abort', resign);
      this.leader = undefined;
      if (ending === 'yielded') this.yield();
      if (ending !== 'crashed') return;
      breakages = performance.now() - begun < BROKEN && !leader.isBlameless ? breakages + 1 : 0;
      if (breakages > 1) {
        this.refuse(failure('Internal', `${this.name}: ${await leader.gone}`));
        return;
      }
    }
  }

  /** Lets those who wait speak to the engine that is starting. */
  private async begin(engine: Leader): Promise<void> {
    const presence = (await this.present)?.id ?? '';
    for (const waiter of this.waiters) waiter.begin(engine, presence);
  }

  /** Releases everything that others could wait for. */
  private withdraw(reason: string): void {
    this.campaign?.abort(reason);
    this.campaign = undefined;
    this.leader = undefined;
    const { remote } = this;
    this.remote = undefined;
    this.successor = undefined;
    remote?.end(reason);
    this.bus?.close();
    this.bus = undefined;
    void this.present?.then(({ release }) => release());
    this.present = undefined;
  }

  private dismantle(): void {
    if (participants.get(this.name) === this) participants.delete(this.name);
    this.unwatch();
    this.withdraw('the database was closed here');
    this.refuse(failure('Closed', 'the database was closed'));
  }

  /** Refuses if there is no leader: this context can't become one, and would wait forever. */
  private async expectLeader(): Promise<void> {
    if (await isHeld(electionLock(this.name))) return;
    this.refuse(
      failure(
        'Unsupported',
        `no page has ${this.name} open: a SharedWorker or ServiceWorker cannot keep files itself, and can use a database only while a page or dedicated worker has it open`,
      ),
    );
  }
}

function inUse(name: string): Error {
  return failure('Busy', `${name} is in use in a tab that runs an older version of ubiqlite; close or reload that tab`);
}

const participants = new Map<string, Participant>();
