// Checks of what a caller gives, before it crosses to the engine.

import { WalletError } from '../base/error.ts';
import type { Authorization, Rules, SiteRecord, StreamRate, WindowLimit } from '../base/protocol.ts';

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
 * What a caller gives by name, as it is, if it holds nothing but these names: a limit that is misspelled or misplaced is none, and an
 * amount is any. `what` takes it, such as `pay`. Left out it is empty.
 * @throws {WalletError} `invalidInput`, which says what is unknown
 */
export function named<T extends object>(what: string, given: T | undefined, names: Record<keyof T, true>): T {
  if (given === undefined) return {} as T;
  const known = Object.keys(names).map((name) => `\`${name}\``);
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const example = `{ ${Object.keys(names)[0]}: … }`;
    throw new WalletError(
      'invalidInput',
      `\`${what}\` takes its options by name, as in ${example}: ${known.join(', ')}.`,
    );
  }
  const unknown = Object.entries(given).find(([name, value]) => value !== undefined && !Object.hasOwn(names, name));
  if (unknown === undefined) return given;
  throw new WalletError(
    'invalidInput',
    `\`${what}\` knows no \`${unknown[0].slice(0, 64)}\`, and would ignore it; it knows ${known.join(', ')}.`,
  );
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
