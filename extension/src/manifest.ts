/** The manifest, made from one source for both browsers. */

import { POLICY } from 'amplet-ui/build/policy.mjs';

export type Browser = 'chrome' | 'firefox';

/**
 * Permissions that both need: money and unlock state (`storage`), sites that want paying (`webRequest`, session rules, whether a page is
 * empty; `webNavigation`: that a tab has left one), codes on pages, and when to lock (`idle`).
 */
const PERMISSIONS = [
  'activeTab',
  'contextMenus',
  'declarativeNetRequestWithHostAccess',
  'idle',
  'notifications',
  'scripting',
  'storage',
  'unlimitedStorage',
  'webNavigation',
  'webRequest',
];

const ICONS = { 192: 'icons/icon-192.png', 512: 'icons/icon-512.png' };

/**
 * On every page that can be a site, over https or on this machine: `inpage` in the page's world, `content` beside it, both before the
 * page's scripts.
 */
const SCRIPTS = {
  matches: ['https://*/*', 'http://localhost/*', 'http://*.localhost/*', 'http://127.0.0.1/*'],
  all_frames: true,
  run_at: 'document_start',
};

export function manifest(browser: Browser, version: string): object {
  return {
    manifest_version: 3,
    // A private window has no budget: what is paid there would be kept with the rest of the history.
    incognito: 'not_allowed',
    name: '__MSG_name__',
    description: '__MSG_description__',
    version,
    default_locale: 'en',
    icons: ICONS,
    action: { default_popup: 'popup.html', default_title: '__MSG_name__', default_icon: ICONS },
    options_ui: { page: 'options.html', open_in_tab: true },
    host_permissions: ['http://*/*', 'https://*/*'],
    content_scripts: [
      { ...SCRIPTS, js: ['content.js'] },
      { ...SCRIPTS, js: ['inpage.js'], world: 'MAIN' },
    ],
    // Foreign pages cannot embed the wallet's, so nobody lays anything over its buttons.
    content_security_policy: { extension_pages: `${POLICY}; frame-ancestors 'none'; object-src 'none'` },
    ...(browser === 'chrome' ? CHROME : FIREFOX),
  };
}

const CHROME = {
  // Messages carry amounts as bigint, which JSON cannot: structured clone came with 148.
  minimum_chrome_version: '148',
  message_serialization: 'structured_clone',
  permissions: [...PERMISSIONS, 'offscreen', 'sidePanel'],
  background: { service_worker: 'background.js', type: 'module' },
  side_panel: { default_path: 'panel.html' },
};

const FIREFOX = {
  permissions: PERMISSIONS,
  // The page is the wallet's home, as the offscreen document is in Chrome.
  background: { page: 'background.html' },
  sidebar_action: {
    default_panel: 'panel.html',
    default_title: '__MSG_name__',
    default_icon: ICONS,
    open_at_install: false,
  },
  // Not on Android, which has no windows to ask the user in.
  browser_specific_settings: {
    gecko: {
      id: 'wallet@amplet.dev',
      strict_min_version: '140.0',
      data_collection_permissions: { required: ['none'] },
    },
  },
};
