/**
 * Outboxes, and change sets that are applied.
 */

import { Failure } from './failure.mjs';
import { show } from './data.mjs';
import { meanwhile, settle } from './handles.mjs';
import { fromCount, fromNothing, fromRow, fromYes } from './values.mjs';

/** The fields of a conflict that are texts, and what they may be. */
const WORDS = {
  kind: ['data', 'not_found', 'exists', 'constraint'],
  change: ['inserted', 'updated', 'deleted'],
  decision: ['theirs', 'ours'],
};

/** Makes a call on an outbox. */
export function callOutbox(outbox, call, rest) {
  if (call.method === 'wait') return meanwhile(() => waited(outbox), call, rest);
  if (call.method === 'next') {
    call.everythingWasUsed();
    return settle(() => next(outbox), (batch) => batch);
  }
  const id = field(call.data('batch'), 'id');
  call.everythingWasUsed();
  return settle(() => outbox.ack(id), fromNothing);
}

/** The number of the last batch that each outbox has returned. */
const returned = new WeakMap();

/** Returns what a loop has after that, or null once it has ended. */
async function waited(outbox) {
  for await (const batch of outbox) {
    if (batch.id > (returned.get(outbox) ?? 0)) return noted(outbox, batch);
  }
  return null;
}

/** Returns what a call has after that. */
async function next(outbox) {
  for (;;) {
    const batch = await outbox.next();
    if (batch === undefined || batch.id > (returned.get(outbox) ?? 0)) return noted(outbox, batch);
  }
}

function noted(outbox, batch) {
  if (batch !== undefined) returned.set(outbox, batch.id);
  return fromBatch(batch);
}

function fromBatch(batch) {
  if (batch === undefined) return null;
  if (Object.keys(batch).sort().join() !== 'bytes,id' || !(batch.bytes instanceof Uint8Array)) {
    throw new Failure(`a batch has the fields ${Object.keys(batch)}`);
  }
  return new Map([['id', fromCount(batch.id)], ['bytes', batch.bytes]]);
}

function field(batch, name) {
  if (!(batch instanceof Map) || !batch.has(name)) throw new Failure(`${show(batch)} is no batch`);
  return batch.get(name);
}

/** Returns the changes to apply: bytes, a batch, or a list of them, one after another. */
export function changesOf(call) {
  return bytesOf(call.data('changes'));
}

function bytesOf(data) {
  if (data instanceof Uint8Array) return data;
  if (!Array.isArray(data)) return field(data, 'bytes');
  return Uint8Array.from(data.flatMap((each) => [...bytesOf(each)]));
}

/** Returns the policy of a step: bare, or with those of tables. */
export function policiesOf(call) {
  const [policy, tables] = [call.json('policy'), call.json('tables')];
  return tables === undefined ? policy : { policy, tables };
}

/** Converts what applying did to data. */
export function fromApplied({ conflicts, rebased, ...more }) {
  if (Object.keys(more).length > 0) throw new Failure(`applying has also said ${Object.keys(more)}`);
  return new Map([['rebased', fromYes(rebased)], ['conflicts', conflicts.map(fromConflict)]]);
}

function fromConflict({ table, key, ours, theirs, ...words }) {
  for (const [name, known] of Object.entries(WORDS)) {
    if (!known.includes(words[name])) throw new Failure(`the ${name} of a conflict is ${words[name]}`);
  }
  return new Map(Object.entries({
    table, ...words, key: fromRow(key), ours: ours === undefined ? null : fromRow(ours), theirs: fromRow(theirs),
  }));
}
