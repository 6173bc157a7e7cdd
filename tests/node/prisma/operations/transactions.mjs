/** Transactions: several operations at once, and a function with them. */

export const transactions = [
  ['a batch', ({ user }, _, prisma) => prisma.$transaction([
    user.create({ data: { email: 'b1@x' } }), user.update({ where: { email: 'b1@x' }, data: { credits: 9 } }), user.count(), prisma.$queryRaw`SELECT email FROM User WHERE credits = 9`,
  ])],
  ['a batch that fails', async ({ user }, _, prisma) => [
    await prisma.$transaction([user.create({ data: { email: 'b2@x' } }), user.create({ data: { email: 'b1@x' } })]).catch((error) => error),
    await user.count({ where: { email: 'b2@x' } }),
  ]],
  ['an interactive one', (_, __, prisma) => prisma.$transaction(async (tx) => {
    const { id } = await tx.user.create({ data: { email: 'i1@x' } });
    await tx.$executeRaw`UPDATE User SET credits = 8 WHERE id = ${id}`;
    return [await tx.user.findUnique({ where: { id } }), await tx.$queryRaw`SELECT count(*) AS n FROM User WHERE credits = 8`];
  })],
  ['an interactive one that throws', async ({ user }, _, prisma) => [
    await prisma.$transaction(async (tx) => {
      await tx.user.create({ data: { email: 'i2@x' } });
      throw new Error('enough');
    }).catch((error) => error),
    await user.count({ where: { email: 'i2@x' } }),
  ]],
  ['an error within, caught, and a commit', async ({ user }, _, prisma) => [
    await prisma.$transaction(async (tx) => {
      await tx.user.create({ data: { email: 'i3@x' } });
      return tx.user.create({ data: { email: 'i3@x' } }).catch((error) => error);
    }),
    await user.count({ where: { email: 'i3@x' } }),
  ]],
  ['operations at once within', (_, __, prisma) => prisma.$transaction((tx) => Promise.all([
    tx.user.create({ data: { email: 'p1@x' } }), tx.user.create({ data: { email: 'p2@x' } }), tx.user.count({ where: { email: { startsWith: 'p' } } }),
  ]))],
  ['isolation levels', (_, __, prisma) => Promise.all(['Serializable', 'ReadCommitted', 'RepeatableRead', 'ReadUncommitted', 'Snapshot'].map((isolationLevel) => {
    return prisma.$transaction(async (tx) => tx.user.count(), { isolationLevel }).catch((error) => error);
  }))],
  ['nested writes within', (_, __, prisma) => prisma.$transaction((tx) => tx.user.create({ data: { email: 'n1@x', posts: { create: [{ title: 'a' }, { title: 'b' }] } }, include: { posts: true } }))],
  ['nested, both kept', async ({ user }, _, prisma) => [
    await prisma.$transaction(async (tx) => {
      await tx.user.create({ data: { email: 's1@x' } });
      return tx.$transaction(async (inner) => (await inner.user.create({ data: { email: 's2@x' } })).email);
    }),
    await user.count({ where: { email: { in: ['s1@x', 's2@x'] } } }),
  ]],
  ['nested, the inner one undone', async ({ user }, _, prisma) => [
    await prisma.$transaction(async (tx) => {
      await tx.user.create({ data: { email: 's3@x' } });
      const error = await tx.$transaction(async (inner) => {
        await inner.user.create({ data: { email: 's4@x' } });
        await inner.$transaction((most) => most.user.create({ data: { email: 's5@x' } }));
        throw new Error('inner');
      }).catch((it) => it);
      await tx.user.create({ data: { email: 's6@x' } });
      return error;
    }),
    await user.findMany({ where: { email: { startsWith: 's' } }, select: { email: true }, orderBy: { email: 'asc' } }),
  ]],
  ['nested, the outer one undone', async ({ user }, _, prisma) => [
    await prisma.$transaction(async (tx) => {
      await tx.$transaction((inner) => inner.user.create({ data: { email: 's7@x' } }));
      throw new Error('outer');
    }).catch((error) => error),
    await user.count({ where: { email: 's7@x' } }),
  ]],
  ['used after its end', async (_, __, prisma) => {
    let kept;
    await prisma.$transaction(async (tx) => void (kept = tx));
    return kept.user.count().catch(({ name, code, message }) => [name, code, message.replace(/\d+ ms/g, 'ms')]);
  }],
  ['after $disconnect', async ({ user }, _, prisma) => {
    await prisma.$disconnect();
    return user.count();
  }],
];
