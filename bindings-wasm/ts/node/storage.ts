export const list = 0, remove = 0, exportFile = 0, importFile = 0;
