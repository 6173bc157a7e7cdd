import type { Time, Value } from '../wire/values.js';

/**
 * What may be written to a column that is read as `V`: that, and what is stored as
 * such. So a `Date` goes to a column of texts, a boolean to one of numbers, bytes of any
 * kind to one of bytes, a list or object to one that is typed as such (and which is read
 * as its JSON text).
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

/** The columns of a table whose rows are `T`; any name, where rows are not typed. */
export type ColumnOf<T> = string extends keyof T ? string : Extract<keyof T, string>;

/**
 * The columns that may be written in a table whose rows are `T`, each with what may be
 * stored there. None must be: a column that is not named has its default.
 */
export type Writes<T> = { readonly [C in keyof T]?: Stored<T[C]> };

/** What one call writes: `W` where rows are typed, else whatever can be stored. */
export type Written<T, W, F> = string extends keyof T ? F : W;

/** Columns with values, whatever they are called; an `interface` has no index signature, and is one all the same. */
export type Storable<F> = { readonly [C in keyof F]: Value };
