/** Settings of the pretended engine: for one visit. */

import type { LoadedSettings, Settings } from 'amplet';
import * as samples from './samples.ts';

let kept: Settings | null = {
  network: 'signet',
  gateways: samples.GATEWAYS,
  chainSources: [],
  unit: 'sat',
  language: null,
  autoLockMinutes: 15,
};

export async function loadSettings(): Promise<LoadedSettings> {
  return { settings: kept, problem: null };
}

export async function saveSettings(settings: Settings): Promise<void> {
  kept = settings;
}
