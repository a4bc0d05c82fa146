// Settings that a page needs before the engine runs, kept in localStorage (per origin, not secret).

import { checkPlace, loadPage } from '#platform';
import { toError, type WalletError } from '../base/error.ts';
import { LIST, must, OBJECT, TEXT } from '../base/kinds.ts';
import { named, type Names } from '../base/named.ts';
import type { Gateway, Network } from '../base/protocol.ts';

/** A page's settings. */
export interface Settings {
  /** The Bitcoin network. */
  network: Network;
  /** The gateways, the first preferred; at most 16. */
  gateways: Gateway[];
  /** More chain sources (block-dn base URLs) beside the gateways' own. */
  chainSources: string[];
  /** Unit in which amounts are shown. */
  unit: 'sat' | 'btc';
  /** A BCP 47 language tag; `null`: the browser's. */
  language: string | null;
  /** Minutes without use until the wallet locks itself; 0: never. */
  autoLockMinutes: number;
}

/** Names of {@link Settings}; the page's wasm looks at what they hold. */
const SETTINGS: Names<Settings> = {
  network: true,
  gateways: LIST,
  chainSources: LIST,
  unit: true,
  language: true,
  autoLockMinutes: true,
};

/** The answer of {@link loadSettings}. */
export interface LoadedSettings {
  /** `null` when nothing (readable) is stored. */
  settings: Settings | null;
  /** Reason for which what is stored could not be read; it stays there until it is saved over. */
  problem: WalletError | null;
}

/**
 * The stored settings. What cannot be read is told in `problem`.
 * @throws {WalletError} `notAllowedHere` on a server; `internal` when the page's wasm cannot be loaded
 */
export async function loadSettings(): Promise<LoadedSettings> {
  checkPlace();
  const wasm = await loadPage();
  try {
    return { settings: wasm.loadSettings() as Settings | null, problem: null };
  } catch (error) {
    return { settings: null, problem: toError(error) };
  }
}

/**
 * Stores the settings, all of them.
 * @throws {WalletError} `invalidInput` naming the wrong field; `storage` or `storageFull` when the browser keeps nothing
 */
export async function saveSettings(settings: Settings): Promise<void> {
  named('saveSettings', must('settings', settings, OBJECT), SETTINGS);
  checkPlace();
  const wasm = await loadPage();
  try {
    wasm.saveSettings(settings);
  } catch (error) {
    throw toError(error);
  }
}

/**
 * Checks a gateway's address, `<node id>@<ws or wss URL>`, and gives it in its normal form.
 * @throws {WalletError} `invalidInput` naming what is wrong with it
 */
export async function checkGateway(address: string): Promise<string> {
  must('address', address, TEXT);
  checkPlace();
  const wasm = await loadPage();
  try {
    return wasm.checkGateway(address);
  } catch (error) {
    throw toError(error);
  }
}
