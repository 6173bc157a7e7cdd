/** Records with those that they refer to: written in one call, and loaded. */

const posts = { orderBy: { id: 'asc' }, include: { tags: { orderBy: { name: 'asc' } } } };

export const relations = [
  ['nested create', ({ user }) => user.create({
    data: {
      email: 'writer@x',
      profile: { create: { bio: 'writes' } },
      posts: { create: [
        { title: 'one', tags: { create: [{ name: 'new' }, { name: 'red' }] } },
        { title: 'two', views: 3, tags: { connectOrCreate: { where: { name: 'red' }, create: { name: 'red' } } } },
      ] },
    },
    include: { profile: true, posts },
  })],
  ['nested createMany', ({ user }) => user.update({ where: { email: 'writer@x' }, data: { posts: { createMany: { data: [{ title: 'three' }, { title: 'four' }] } } }, include: { _count: { select: { posts: true } } } })],
  ['connect', ({ user }) => user.update({ where: { email: 'ann@x' }, data: { boss: { connect: { email: 'writer@x' } } }, include: { boss: { select: { email: true } } } })],
  ['two levels of includes', ({ user }) => user.findMany({ where: { posts: { some: {} } }, include: { posts, profile: true, team: { include: { posts: true } } } })],
  ['filters on relations', ({ post }) => post.findMany({ where: { author: { profile: { bio: { contains: 'write' } } }, tags: { every: { name: { in: ['new', 'red'] } } } }, select: { title: true }, orderBy: { title: 'asc' } })],
  ['order by a relation', ({ tag }) => tag.findMany({ orderBy: [{ posts: { _count: 'desc' } }, { name: 'asc' }], include: { _count: true } })],
  ['fluent', ({ post }) => post.findUnique({ where: { id: 1 } }).author().profile()],
  ['nested update, upsert and delete', ({ user }) => user.update({
    where: { email: 'writer@x' },
    data: {
      profile: { upsert: { create: { bio: '' }, update: { bio: 'reads' } } },
      posts: { update: { where: { id: 1 }, data: { tags: { set: [{ name: 'red' }] } } }, updateMany: { where: { title: 'four' }, data: { views: 4 } }, deleteMany: { title: 'three' } },
    },
    include: { profile: true, posts },
  })],
  ['disconnect', ({ post }) => post.update({ where: { id: 1 }, data: { tags: { disconnect: { name: 'red' } } }, include: { tags: true } })],
  ['a nested write that fails is undone', async ({ user, post }) => [
    await user.create({ data: { email: 'late@x', posts: { create: [{ title: 'same' }, { title: 'same' }] } } }).catch((error) => error),
    await user.count({ where: { email: 'late@x' } }), await post.count({ where: { title: 'same' } }),
  ]],
  ['cascade and set null', async ({ user, profile, post }) => [
    await post.deleteMany({ where: { author: { email: 'writer@x' } } }),
    await user.delete({ where: { email: 'writer@x' }, select: { email: true } }),
    await profile.count(), await user.findUnique({ where: { email: 'ann@x' }, select: { bossId: true } }),
  ]],
];
