// Checks of what a caller gives, before it crosses to the engine.

import { WalletError } from '../base/error.ts';
import { named } from '../base/named.ts';
import type { Authorization, Rules, SiteRecord, StreamRate, WindowLimit } from '../base/protocol.ts';

export { named } from '../base/named.ts';

/** Maximum amount that crosses to the engine (u64). */
const MAX_AMOUNT = 0xffff_ffff_ffff_ffffn;

/** An amount that may be left out. */
export function amount(name: string, value: bigint | undefined): bigint | null {
  return value === undefined ? null : required(name, value);
}

/**
 * An amount.
 * @throws {WalletError} `invalidInput`
 */
export function required(name: string, value: bigint): bigint {
  if (typeof value !== 'bigint' || value < 0n || value > MAX_AMOUNT) {
    throw new WalletError('invalidInput', `\`${name}\` is a bigint from 0 to 2^64 - 1, such as 1000n.`);
  }
  return value;
}

/**
 * A text.
 * @throws {WalletError} `invalidInput`
 */
export function text(name: string, value: string): string {
  if (typeof value !== 'string') throw new WalletError('invalidInput', `\`${name}\` is a text.`);
  return value;
}

/**
 * Texts by name.
 * @throws {WalletError} `invalidInput`
 */
export function texts(name: string, values: Record<string, string>): Record<string, string> {
  const isPlain = typeof values === 'object' && values !== null && !Array.isArray(values);
  if (!isPlain || Object.values(values).some((value) => typeof value !== 'string')) {
    throw new WalletError('invalidInput', `\`${name}\` is an object whose values are texts, such as { order: '17' }.`);
  }
  return values;
}

/**
 * A gateway's node id: given itself, or before the `@` of its address.
 * @throws {WalletError} `invalidInput`
 */
export function nodeId(gateway: string): string {
  return text('gateway', gateway).split('@', 1)[0]!;
}

/**
 * A number that the engine takes for a u32, such as a budget's.
 * @throws {WalletError} `invalidInput`
 */
export function whole(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new WalletError('invalidInput', `\`${name}\` is a whole number from 0 to 2^32 - 1.`);
  }
  return value;
}

/**
 * Whose budget pays; `null`: left out.
 * @throws {WalletError} `invalidInput`
 */
export function authorized(given: Authorization | undefined): Authorization | null {
  if (given === undefined) return null;
  named('authorization', given, { holder: true, purpose: true, approvedMsat: true, records: true });
  amount('authorization.approvedMsat', given.approvedMsat);
  if (given.records !== undefined) recorded('authorization.records', given.records);
  return given;
}

/**
 * Changes of records of sites.
 * @throws {WalletError} `invalidInput`
 */
export function recorded(name: string, records: SiteRecord[]): SiteRecord[] {
  if (!Array.isArray(records)) throw new WalletError('invalidInput', `\`${name}\` is a list.`);
  for (const record of records) {
    const { key, value } = named(name, record, { key: true, value: true });
    text(`${name}.key`, key);
    if (value !== null) text(`${name}.value`, value);
  }
  return records;
}

const RULES: Record<keyof Rules, true> = {
  perPaymentMsat: true,
  windows: true,
  rate: true,
  totalMsat: true,
  expiresAt: true,
  askAboveMsat: true,
  purposes: true,
};
const WINDOW: Record<keyof WindowLimit, true> = { kind: true, period: true, limitMsat: true };
const RATE: Record<keyof StreamRate, true> = { perSecondMsat: true, keepSeconds: true };

/**
 * A budget's rules, all of them: one that is not there would not limit.
 * @throws {WalletError} `invalidInput`
 */
export function ruled(rules: Rules): Rules {
  named('rules', rules, RULES);
  const missing = Object.keys(RULES).find((name) => rules?.[name as keyof Rules] === undefined);
  if (missing !== undefined)
    throw new WalletError('invalidInput', `\`rules\` has every rule: \`${missing}\` is missing; null does not limit.`);
  if (!Array.isArray(rules.windows)) throw new WalletError('invalidInput', '`rules.windows` is a list.');
  for (const window of rules.windows) named('rules.windows', window, WINDOW);
  if (rules.rate !== null) named('rules.rate', rules.rate, RATE);
  return rules;
}
