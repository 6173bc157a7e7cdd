/** Each type of Prisma's: what is written, and read back, filtered, and stored. */

const EACH = {
  int: [0, -1, 2 ** 31 - 1, -(2 ** 31)],
  big: [0n, -1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)],
  float: [0, -0, 0.1, 1, 1e300, -5e-324, 2 ** 60],
  decimal: ['0', '0.1', '-12345678.875', '1e20', '3'],
  bool: [true, false],
  string: ['', 'a', "it's", '{"a":1}', '2026-01-31', '1', 'é学🚀', 'x'.repeat(5_000)],
  json: [1, 'text', true, [1, null, { a: [] }], { a: { b: 'ü' }, n: 1.5 }, {}],
  bytes: [new Uint8Array([]), new Uint8Array([0, 1, 255]), Buffer.from('Ω')],
  at: [new Date(0), new Date('2026-01-31T12:00:00.123Z'), new Date('1969-12-31T23:59:59.999Z'), '2026-01-31T12:00:00+02:00', new Date('9999-12-31T23:59:59Z')],
};

const written = Object.entries(EACH).flatMap(([field, values]) =>
  values.map((value, at) => [`${field}, value ${at + 1}`, async ({ kinds, $queryRaw }, _, prisma) => {
    const { id, ...made } = await kinds.create({ data: { [field]: value } });
    return [
      made[field],
      await kinds.findMany({ where: { id, [field]: field === 'json' ? { equals: value } : value }, select: { [field]: true } }),
      await prisma.$queryRawUnsafe(`SELECT ${column(field)} AS raw, typeof(${column(field)}) AS type FROM Kinds WHERE id = ?`, id).catch((error) => error),
    ];
  }]),
);

function column(field) {
  return field === 'string' ? 'a_string' : field;
}

export const values = [
  ...written,
  ['all nulls', ({ kinds }) => kinds.create({ data: {}, omit: { id: true } })],
  ['the null of JSON', async ({ kinds }, { Prisma }) => [
    await kinds.create({ data: { json: Prisma.JsonNull }, select: { json: true } }),
    await kinds.count({ where: { json: { equals: Prisma.JsonNull } } }), (await kinds.count({ where: { json: { equals: Prisma.DbNull } } })) > 0,
  ]],
  ['JSON by a path', ({ kinds }) => kinds.findMany({ where: { json: { path: '$.a.b', equals: 'ü' } }, select: { json: true } })],
  ['order by each', async ({ kinds }) => Object.fromEntries(await Promise.all(['int', 'big', 'float', 'bool', 'string', 'at'].map(async (field) => {
    return [field, (await kinds.findMany({ where: { [field]: { not: null } }, orderBy: [{ [field]: 'asc' }, { id: 'asc' }], select: { [field]: true } })).map((it) => it[field])];
  })))],
  ['a range of moments', ({ kinds }) => kinds.findMany({ where: { at: { gte: new Date(0), lt: new Date('2027-01-01') } }, select: { at: true }, orderBy: { at: 'asc' } })],
  ['sums of each', async ({ kinds }) => [
    await kinds.aggregate({ where: { int: { lt: 10 } }, _sum: { int: true }, _avg: { int: true } }),
    await kinds.aggregate({ where: { float: { lt: 2, gt: -1 } }, _sum: { float: true }, _avg: { float: true }, _max: { float: true } }),
    await kinds.aggregate({ where: { decimal: { lt: 100, gt: -1 } }, _sum: { decimal: true }, _min: { decimal: true } }),
    await kinds.aggregate({ where: { big: { lt: 2n ** 60n, gt: -10n } }, _sum: { big: true }, _min: { big: true } }),
    await kinds.aggregate({ _min: { at: true }, _max: { at: true, string: true } }),
  ]],
  ['sums that do not fit', ({ kinds }) => kinds.aggregate({ _sum: { big: true } })],
  ['arithmetic', async ({ kinds }) => {
    const { id } = await kinds.create({ data: { big: 2n ** 60n, float: 0.5, decimal: '1.25' } });
    return kinds.update({ where: { id }, data: { big: { increment: 1n }, float: { multiply: 3 }, decimal: { increment: '0.5' } }, select: { big: true, float: true, decimal: true } });
  }],
  ['moments that others have stored', async ({ kinds }, _, prisma) => {
    const stored = ["'2026-01-31 12:00:00'", "'2026-01-31'", "'2026-01-31T12:00:00Z'", "'2026-01-31T12:00:00.5+05:30'", '1769860800123', '1769860800', '0.0', "'12:00:00'"];
    const read = [];
    for (const it of stored) {
      await prisma.$executeRawUnsafe('DELETE FROM Kinds WHERE int = 77');
      await prisma.$executeRawUnsafe(`INSERT INTO Kinds (int, at) VALUES (77, ${it})`);
      read.push(await kinds.findFirst({ where: { int: 77 }, select: { at: true } }).catch((error) => error));
    }
    return read;
  }],
  ['values of other types than their column', async ({ kinds }, _, prisma) => {
    const read = [];
    for (const it of ["int = 'text'", 'int = 1.5', "big = '12'", "float = 'x'", "float = '1.5'", 'bool = 2', "bool = 'true'", 'a_string = 5', "bytes = 'text'", "decimal = '1.50'"]) {
      await prisma.$executeRawUnsafe('DELETE FROM Kinds WHERE id = 5000');
      await prisma.$executeRawUnsafe('INSERT INTO Kinds (id) VALUES (5000)');
      await prisma.$executeRawUnsafe(`UPDATE Kinds SET ${it} WHERE id = 5000`);
      read.push([it, await kinds.findUnique({ where: { id: 5000 } }).catch((error) => error)]);
    }
    await kinds.deleteMany({ where: { int: null, id: 5000 } });
    await prisma.$executeRawUnsafe('DELETE FROM Kinds WHERE id = 5000');
    return read;
  }],
];
