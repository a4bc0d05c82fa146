/** Launch options of Chromium: the system's own, as Playwright's download is not to be had everywhere. */

import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'];

function find() {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
  if (process.env['CHROMIUM']) return process.env['CHROMIUM'];
  if (!found) throw new Error(`no Chromium in PATH (${NAMES.join(', ')}): install one, or name it in CHROMIUM`);
  return found;
}

export const CHROMIUM = {
  executablePath: find(),
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};
