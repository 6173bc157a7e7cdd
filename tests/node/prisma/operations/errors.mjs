/** Errors, as Prisma reports them: by their codes. */

export const errors = [
  ['P2002, a unique field', ({ user }) => user.create({ data: { email: 'ann@x' } })],
  ['P2002, two fields', async ({ user, post }) => {
    const { id } = await user.create({ data: { email: 'twice@x', posts: { create: { title: 'same' } } } });
    return post.create({ data: { title: 'same', authorId: id } });
  }],
  ['P2002, a primary key', ({ user }) => user.create({ data: { id: 1, email: 'other@x' } })],
  ['P2002, a composite key', ({ seat }) => seat.create({ data: { row: 1, number: 1 } })],
  ['P2002, by an update', ({ user }) => user.update({ where: { email: 'bob@x' }, data: { email: 'ann@x' } })],
  ['P2002, in createMany', ({ user }) => user.createMany({ data: [{ email: 'fresh@x' }, { email: 'ann@x' }] })],
  ['createMany that failed has done nothing', ({ user }) => user.count({ where: { email: 'fresh@x' } })],
  ['P2003, no such parent', ({ post }) => post.create({ data: { title: 'orphan', authorId: 999 } })],
  ['P2003, a parent with children', ({ user }) => user.delete({ where: { email: 'twice@x' } })],
  ['P2025, nothing to update', ({ user }) => user.update({ where: { id: 999 }, data: { name: 'x' } })],
  ['P2025, nothing to delete', ({ user }) => user.delete({ where: { id: 999 } })],
  ['P2025, nothing to connect', ({ user }) => user.create({ data: { email: 'alone@x', boss: { connect: { id: 999 } } } })],
  ['P2025, findUniqueOrThrow', ({ user }) => user.findUniqueOrThrow({ where: { id: 999 } })],
  ['P2021, no table', async ({ seat }, _, prisma) => {
    await prisma.$executeRaw`ALTER TABLE seats RENAME TO chairs`;
    try {
      return await seat.findMany();
    } finally {
      await prisma.$executeRaw`ALTER TABLE chairs RENAME TO seats`;
    }
  }],
  ['P2022, no column', async ({ seat }, _, prisma) => {
    await prisma.$executeRaw`ALTER TABLE seats RENAME COLUMN guest TO visitor`;
    const all = [await seat.findMany().catch((error) => error), await seat.create({ data: { row: 9, number: 9 } }).catch((error) => error)];
    await prisma.$executeRaw`ALTER TABLE seats RENAME COLUMN visitor TO guest`;
    return all;
  }],
  ['a trigger', async ({ seat }, _, prisma) => {
    await prisma.$executeRaw`CREATE TRIGGER full BEFORE INSERT ON seats WHEN new.row > 50 BEGIN SELECT raise(ABORT, 'no such row'); END`;
    return seat.create({ data: { row: 51, number: 1 } });
  }],
  ['a number that is too large', ({ user }) => user.create({ data: { email: 'large@x', credits: 2 ** 31 } })],
  ['a field that does not exist', ({ user }) => user.findMany({ where: { nothing: 1 } })],
];
