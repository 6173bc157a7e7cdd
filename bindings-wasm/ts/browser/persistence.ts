let asked = false;

/**
 * Asks the browser, once, to keep this site's storage when space runs short. The browser
 * may ask the user or decide on its own. Databases work whatever it decides, so nobody
 * waits for it. Only pages can ask.
 */
export function requestPersistence(): void {
  if (asked || typeof document !== 'object') return;
  asked = true;
  const { storage } = navigator as Partial<Navigator>;
  void (async () => {
    if (!(await storage?.persisted?.())) await storage?.persist?.();
  })().catch(() => {});
}
