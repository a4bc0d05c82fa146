/** Browser notices and their language: the background has no page whose choice it could follow. */

import { tamedLine } from 'amplet-ui/text/foreign.ts';
import { locales, overwriteGetLocale } from 'amplet-ui/paraglide/runtime.js';

const language = chrome.i18n.getUILanguage().toLowerCase();
const locale = locales.find((known) => language.startsWith(known)) ?? 'en';
overwriteGetLocale(() => locale);

/** Shows a notice; what strangers say in it stays in its line. */
export async function notify({ id, title, message }: { id: string; title: string; message: string }): Promise<void> {
  const iconUrl = chrome.runtime.getURL('icons/icon-192.png');
  await chrome.notifications.create(id, {
    type: 'basic',
    iconUrl,
    title: tamedLine(title),
    message: tamedLine(message),
  });
}
