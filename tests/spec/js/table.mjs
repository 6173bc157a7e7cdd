/**
 * The operations of a table.
 */

import { Failure } from './failure.mjs';
import { list, text } from './data.mjs';
import * as from from './values.mjs';
import { toValue } from './values.mjs';
import { camelCase } from './world.mjs';
import { settle, stream, watch } from './handles.mjs';

const METHODS = {
  insert: [(call) => [call.record()], from.fromKey],
  upsert: [(call) => [call.record()], from.fromKey],
  insert_many: [(call) => [call.records()], from.fromCount],
  get: [(call) => [call.key()], from.fromOptionalRow],
  update: [(call) => [call.key(), call.record()], from.fromYes],
  delete: [(call) => [call.key()], from.fromYes],
  update_many: [(call) => [call.keys(), call.record()], from.fromCount],
  count: [() => [], from.fromCount],
  transfer: [(call) => [call.text('column'), call.transfers()], from.fromNothing],
};

const ENDS = { all: from.fromRows, first: from.fromOptionalRow, count: from.fromCount };

/** The comparisons as the package spells them. */
const COMPARISONS = new Map([
  ['eq', '='], ['ne', '!='], ['lt', '<'], ['le', '<='], ['gt', '>'], ['ge', '>='],
  ['like', 'like'], ['not_like', 'not like'],
]);

/**
 * Makes a call on a table.
 *
 * @param {object} table
 * @param {import('./call.mjs').Call} call
 * @param {import('./scope.mjs').Scope} rest
 */
export function callTable(table, call, rest) {
  const { method } = call;
  if (method === 'select') return select(table, call, rest);
  if (method === 'stream') {
    const options = call.options();
    call.everythingWasUsed();
    return stream(() => table.stream(...options), call, rest);
  }
  if (!(method in METHODS)) throw new Failure(`a table has no method ${method}`);
  const [args, convert] = METHODS[method];
  const given = [...args(call), ...call.options()];
  call.everythingWasUsed();
  return settle(() => table[camelCase(method)](...given), convert);
}

function select(table, call, rest) {
  let selection = table.select();
  if (call.has('where')) {
    for (const filter of list(call.data('where'))) selection = addFilter(selection, list(filter));
  }
  if (call.has('order_by')) {
    for (const order of list(call.data('order_by'))) {
      const [column, direction] = list(order, 2).map(text);
      selection = selection.orderBy(column, direction);
    }
  }
  const [limit, offset] = [call.number('limit'), call.number('offset')];
  if (limit !== undefined) selection = selection.limit(limit);
  if (offset !== undefined) selection = selection.offset(offset);
  const end = call.json('end') ?? 'all';
  const options = call.options();
  call.everythingWasUsed();
  if (end === 'watch') return watch(() => selection.watch(...options), call, rest);
  if (end === 'stream') return stream(() => selection.stream(...options), call, rest);
  if (!(end in ENDS)) throw new Failure(`no selection ends by "${end}"`);
  return settle(() => selection[end](...options), ENDS[end]);
}

function addFilter(selection, [column, comparison, ...operands]) {
  const name = text(column);
  if (comparison === 'null' && operands.length === 0) return selection.whereNull(name);
  if (comparison === 'not_null' && operands.length === 0) return selection.whereNotNull(name);
  if (operands.length !== 1) throw new Failure(`"${comparison}" compares with one operand`);
  const [operand] = operands;
  if (comparison === 'in') return selection.whereIn(name, list(operand).map(toValue));
  // The short form is the most common one.
  if (comparison === 'eq') return selection.where(name, toValue(operand));
  if (!COMPARISONS.has(comparison)) throw new Failure(`"${comparison}" is no comparison`);
  return selection.where(name, COMPARISONS.get(comparison), toValue(operand));
}
