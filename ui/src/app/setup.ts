/** Configuration of the wallet: what is served here, and what the user chose. */

import { loadSettings, saveSettings, type Gateway, type Settings } from 'amplet';
import { loadConfig, type PageConfig } from './config.ts';

/** Without a config from the server it is a test network: real money is never a default. */
export const NO_CONFIG: PageConfig = { network: 'signet', gateways: [], chainSources: [], walletName: 'signet' };
export const DEFAULTS: Settings = {
  network: 'signet',
  gateways: [],
  chainSources: [],
  unit: 'sat',
  language: null,
  autoLockMinutes: 15,
};
/** Key of the gateways that were offered when the settings were stored. */
const OFFERED = 'amplet-offered.1';

export interface Setup {
  config: PageConfig;
  settings: Settings;
  /** Fault of config.json or of the stored settings, in English. */
  problem: string | null;
}

export async function loadSetup(): Promise<Setup> {
  const [stored, served] = await Promise.all([loadSettings(), askForConfig()]);
  if (typeof served !== 'string')
    return { config: served, settings: fit(stored.settings, served), problem: stored.problem?.message ?? null };
  // The page still opens with what it knows, and says so.
  const network = stored.settings?.network ?? NO_CONFIG.network;
  const config = { ...NO_CONFIG, network, walletName: network };
  return { config, settings: fit(stored.settings, config), problem: served };
}

/** A text says why there is none: unreachable or broken. */
async function askForConfig(): Promise<PageConfig | string> {
  try {
    return (await loadConfig()) ?? NO_CONFIG;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

/** Stores what the wallet was opened with: the next visit starts from it, with or without the server's config. */
export async function keepSetup(config: PageConfig, settings: Settings): Promise<void> {
  if (config.gateways.length > 0) localStorage.setItem(OFFERED, namesOf(config.gateways));
  await saveSettings(settings);
}

/** The stored settings as far as they fit what is served here. */
function fit(stored: Settings | null, { network, gateways, chainSources }: PageConfig): Settings {
  const offered = { network, gateways, chainSources };
  // Another network's gateways do not fit this wallet; looks and language do.
  if (stored?.network !== network) return { ...DEFAULTS, ...stored, ...offered };
  // A list that the user never changed follows what is offered.
  const follows = stored.gateways.length === 0 || namesOf(stored.gateways) === localStorage.getItem(OFFERED);
  return follows && gateways.length > 0 ? { ...stored, ...offered } : stored;
}

const namesOf = (gateways: Gateway[]): string => gateways.map(({ address }) => address).join(' ');
