import { Column, type DriverValueDecoder, SQL, Subquery, is } from 'drizzle-orm';
import type { SelectedFieldsOrdered } from 'drizzle-orm/sqlite-core';
import * as utils from 'drizzle-orm/utils';

export type NotNullable = Record<string, boolean> | undefined;

type Decoder = DriverValueDecoder<unknown, unknown>;

/** What Drizzle's other drivers use, which is exported and not declared. */
const { mapResultRow } = utils as unknown as {
  mapResultRow(fields: SelectedFieldsOrdered, row: unknown[], joinsNotNullable: NotNullable): unknown;
};

/** Returns what makes the result's objects of rows, as Drizzle does, with the decoders found once and not for each value. */
export function rowMapper(fields: SelectedFieldsOrdered, joins: NotNullable): (row: unknown[]) => unknown {
  // Objects in objects: rows of joins, which are null where a table has none.
  if (fields.some(({ path }) => path.length > 1)) return (row) => mapResultRow(fields, row, joins);
  const columns = fields.map(({ path, field }) => ({ name: path[0], decoder: decoderOf(field) }));
  return (row) => {
    const result: Record<string, unknown> = {};
    for (let at = 0; at < columns.length; at += 1) {
      const { name, decoder } = columns[at];
      const value = row[at];
      result[name] = value === null || decoder === undefined ? value : decoder.mapFromDriverValue(value);
    }
    return result;
  };
}

/** Returns what decodes a field's values, unless they stay as they are. */
function decoderOf(field: SelectedFieldsOrdered[number]['field']): Decoder | undefined {
  if (is(field, Column)) return field.mapFromDriverValue === Column.prototype.mapFromDriverValue ? undefined : field;
  if (is(field, SQL)) return (field as unknown as { decoder: Decoder }).decoder;
  if (is(field, Subquery)) return ((field as Subquery)._.sql as unknown as { decoder: Decoder }).decoder;
  return (field.sql as unknown as { decoder: Decoder }).decoder;
}
