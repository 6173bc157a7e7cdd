import { sizeText } from './cells.js';
import type { Source } from './source.js';

/** Returns what there is to know of a database as a whole: names and values. */
export async function facts(db: Source, signal?: AbortSignal): Promise<(readonly [string, string])[]> {
  const sql = `SELECT page_count, page_size, freelist_count, journal_mode, user_version, application_id, encoding, sqlite_version()
    FROM pragma_page_count, pragma_page_size, pragma_freelist_count, pragma_journal_mode, pragma_user_version, pragma_application_id, pragma_encoding`;
  const [rows, can] = await Promise.all([db.query<any[]>(sql, [], { rows: 'array', signal }), db.capabilities()]);
  const [pages, size, free, journal, version, application, encoding, sqlite] = rows[0] ?? [];
  const lacks = Object.entries(can).filter(([, has]) => !has);
  return [
    ['Name', db.path],
    ['Size', `${sizeText(Number(pages) * Number(size))} in ${Number(pages).toLocaleString('en')} pages, ${Number(free).toLocaleString('en')} of them free`],
    ['Page size', sizeText(Number(size))],
    ['Journal mode', journal],
    ['Encoding', encoding],
    ['user_version', String(version)],
    ['application_id', String(application)],
    ['Engine', `${db.engine}, SQLite ${sqlite}`],
    ...(lacks.length > 0 ? [['Not supported', lacks.map(([name]) => name).join(', ')] as const] : []),
  ];
}

/** Returns a name for the file of a copy. */
export function fileName(path: string): string {
  const name = path.replace(/^.*[/\\]/, '').replace(/[^\w.\-]+/g, '_').replace(/^[._]+|_+$/g, '');
  return name === '' || name === 'memory' ? 'memory.db' : name;
}
