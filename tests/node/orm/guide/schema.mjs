// #region schema
import { relations } from 'drizzle-orm';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';

export const authors = sqliteTable('authors', {
  id: integer().primaryKey(),
  name: text().notNull().unique(),
});
export const books = sqliteTable('books', {
  id: integer().primaryKey(),
  author: integer().notNull().references(() => authors.id),
  title: text().notNull(),
  year: integer(),
});
export const authorsRelations = relations(authors, ({ many }) => ({ books: many(books) }));
export const booksRelations = relations(books, ({ one }) => ({ by: one(authors, { fields: [books.author], references: [authors.id] }) }));
// #endregion schema
