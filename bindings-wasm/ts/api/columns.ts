import type { Time, Value } from '../wire/values.js';

/**
 * What may be written to a column that is read as `V`: a `V`, and whatever is stored as
 * one. A text column takes a `Date`, a number column a boolean, and a bytes column bytes of
 * any kind. A column typed as a list or object takes one, and is read as its JSON text.
 */
export type Stored<V> = 0 extends 1 & V
  ? Value
  :
      | V
      | (string extends V ? Time : never)
      | (number extends V ? bigint | boolean : never)
      | (bigint extends V ? number | boolean : never)
      | (V extends boolean ? number : never)
      | (V extends ArrayBufferView | ArrayBuffer ? ArrayBuffer | ArrayBufferView : never);

/** The columns of a table whose rows are `T`, or any name if rows are not typed. */
export type ColumnOf<T> = string extends keyof T ? string : Extract<keyof T, string>;

/**
 * The columns that may be written in a table whose rows are `T`, each with what may be
 * stored there. All are optional: a column that is not named gets its default.
 */
export type Writes<T> = { readonly [C in keyof T]?: Stored<T[C]> };

/** What one call writes: `W` if rows are typed, otherwise anything that can be stored. */
export type Written<T, W, F> = string extends keyof T ? F : W;

/** Columns with values, under any names. An `interface` qualifies too, although it has no index signature. */
export type Storable<F> = { readonly [C in keyof F]: Value };
