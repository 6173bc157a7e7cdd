// The database as an ordinary file.
import { exportFile } from 'ubiqlite';
import { element } from './page.js';

element('export').onclick = async () => {
  const file = await new Response(await exportFile('example.db')).blob();
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = 'example.db';
  link.click();
  URL.revokeObjectURL(link.href);
};
