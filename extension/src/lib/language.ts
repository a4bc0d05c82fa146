/** The extension's own messages follow the language that the shared parts have. */

import { overwriteGetLocale } from '../paraglide/runtime.js';
import { language } from '../../../www/src/lib/i18n.svelte';

overwriteGetLocale(() => language.current);
