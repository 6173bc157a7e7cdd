/** Each suite is the file of its name. */
export default { test: { include: ['*.suite.mjs'], root: import.meta.dirname, fileParallelism: false } };
