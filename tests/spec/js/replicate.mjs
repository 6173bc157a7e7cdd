/**
 * Replicas, and what is restored from them.
 */

import { Failure, Lacking } from './failure.mjs';
import { settle } from './handles.mjs';
import { fromCount, fromYes } from './values.mjs';

const FIELDS = ['transaction', 'time', 'lag', 'waiting', 'snapshots', 'lastSnapshot', 'reason', 'error', 'ended'];

/** Returns the arguments of a call that begins a replica. */
export function toReplicate(call, place) {
  const interval = call.number('interval');
  return [place.locate(call.text('path')), interval === undefined ? {} : { interval }];
}

/** Makes a call on a replica. */
export function callReplica(replica, call) {
  call.everythingWasUsed();
  return settle(() => replica[call.method](), fromState);
}

/** Restores a moment of a replica. */
export function restoreReplica(call, { api, place }) {
  const from = place.locate(call.text('replica'));
  const path = place.locate(call.text('path'));
  const moment = {};
  if (call.has('transaction')) moment.transaction = call.data('transaction').get('transaction');
  if (call.has('time')) moment.time = new Date(call.data('time').get('time'));
  call.everythingWasUsed();
  if (api.restoreReplica === undefined) throw new Lacking('restoreReplica');
  const args = Object.keys(moment).length === 0 ? [] : [moment];
  return settle(() => api.restoreReplica(from, path, ...args), fromCount);
}

function fromState(state) {
  if (Object.keys(state).join() !== FIELDS.join()) throw new Failure(`a state has the fields ${Object.keys(state)}`);
  const { transaction, time, lag, waiting, snapshots, lastSnapshot, reason, error, ended } = state;
  if (time !== undefined && !(time instanceof Date)) throw new Failure(`a time is ${time}`);
  return new Map([
    ['transaction', fromCount(transaction)],
    ['time', time?.getTime() ?? null],
    ['lag', fromCount(lag)],
    ['waiting', fromCount(waiting)],
    ['snapshots', fromCount(snapshots)],
    ['last_snapshot', lastSnapshot === undefined ? null : fromCount(lastSnapshot)],
    ['reason', reason ?? null],
    ['error', error ?? null],
    ['ended', fromYes(ended)],
  ]);
}
