/** Typical calls, as the compiler sees them; never run. Wrong lines must be errors. */

import type { Database } from 'ubiqlite';
import { InspectElement, type InspectOptions, type Inspector, inspect } from 'ubiqlite/inspect';

export async function panels(db: Database, place: HTMLElement): Promise<void> {
  await using own: Inspector = inspect('app.db');
  const options: InspectOptions = { parent: place, theme: 'dark', open: { cacheKib: 1024 }, migrations: { '1_a.sql': 'SELECT 1' } };
  const given = inspect(db, options);
  await given.ready;
  const element: HTMLElement = given.element;
  await given.close();
  await given.closed;
  // @ts-expect-error a panel is not of a transaction
  inspect(await db.begin());
  // @ts-expect-error there is no such theme
  inspect('app.db', { theme: 'blue' });
  // @ts-expect-error INTEGERs are bigints in a panel
  inspect('app.db', { open: { bigint: false } });
  void [own, element, InspectElement];
}
