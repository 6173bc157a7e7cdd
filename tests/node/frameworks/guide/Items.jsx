// #region react
import { useLiveQuery } from 'ubiqlite/react';

export function Items({ db, status }) {
  const { rows, error } = useLiveQuery(db, 'SELECT id, name FROM items WHERE status = ?', [status]);
  if (error) throw error; // to the nearest error boundary
  if (!rows) return <p>…</p>;
  return <ul>{rows.map((item) => <li key={item.id}>{item.name}</li>)}</ul>;
}
// #endregion react

// #region select
export function Newest({ db, count }) {
  const { rows } = useLiveQuery(db.table('items').select().orderBy('id', 'desc').limit(count));
  return rows?.map((item) => <p key={item.id}>{item.name}</p>);
}
// #endregion select
