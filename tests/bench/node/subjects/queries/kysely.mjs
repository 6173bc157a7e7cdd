// What is asked of Kysely, whatever it runs on.

const COLUMNS = ['id', 'name', 'data', 'status', 'value'];

export const queries = (db) => ({
  sync: false,
  get: (id) => db.selectFrom('items').select(COLUMNS).where('id', '=', id).executeTakeFirst(),
  some: () => db.selectFrom('items').select(COLUMNS).orderBy('id').limit(1_000).execute(),
  insertEach: (rows) =>
    db.transaction().execute(async (trx) => {
      for (const row of rows) await trx.insertInto('log').values(row).execute();
    }),
});
