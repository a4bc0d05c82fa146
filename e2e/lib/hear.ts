/** Events of the browser's that there are none of in a test. */

import type { BrowserContext } from '@playwright/test';
import { serviceWorker } from './extension';

/** Has the extension's background hear `chrome.<event>`, and what it says. */
export async function hear(
  context: BrowserContext,
  event: 'idle.onStateChanged' | 'runtime.onUpdateAvailable',
  said: unknown,
): Promise<void> {
  const worker = await serviceWorker(context);
  await worker.evaluate(`chrome.${event}.dispatch(${JSON.stringify(said)})`);
}
