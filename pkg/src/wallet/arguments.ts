// Checks of what a caller gives, before it crosses to the engine.

import { WalletError } from '../base/error.ts';
import { AMOUNT, FILLED, FLAG, LIST, must, oneOf, orNull, TEXT, whole as wholeKind, type Kind } from '../base/kinds.ts';
import { named, type Names } from '../base/named.ts';
import type {
  Authorization,
  CustomRecord,
  Gateway,
  Holder,
  Rules,
  SiteRecord,
  StreamRate,
  WindowLimit,
} from '../base/protocol.ts';

export { named } from '../base/named.ts';

/** A Bitcoin network. */
export const NETWORK: Kind = oneOf('mainnet', 'testnet4', 'signet', 'regtest');
/** What the engine takes for a u32. */
export const U32: Kind = wholeKind(0, 0xffff_ffff);

/** An amount that may be left out. */
export function amount(name: string, value: bigint | undefined): bigint | null {
  return value === undefined ? null : required(name, value);
}

/**
 * An amount.
 * @throws {WalletError} `invalidInput`
 */
export const required = (name: string, value: bigint): bigint => must(name, value, AMOUNT);

/**
 * A text.
 * @throws {WalletError} `invalidInput`
 */
export const text = (name: string, value: string): string => must(name, value, TEXT);

/**
 * A number that the engine takes for a u32, such as a budget's.
 * @throws {WalletError} `invalidInput`
 */
export const whole = (name: string, value: number): number => must(name, value, U32);

/**
 * A gateway's node id: given itself, or before the `@` of its address.
 * @throws {WalletError} `invalidInput`
 */
export function nodeId(gateway: string): string {
  return text('gateway', gateway).split('@', 1)[0]!;
}

const GATEWAY: Names<Gateway> = { address: TEXT, chainUrl: orNull(TEXT), trustZeroConf: FLAG };

/**
 * Gateways, or their addresses.
 * @throws {WalletError} `invalidInput`
 */
export function configured(given: readonly (Gateway | string)[]): Gateway[] {
  must('gateways', given, { ...LIST, what: 'a list of gateways or their addresses' });
  return given.map((one) => {
    if (typeof one === 'string') return { address: one, trustZeroConf: false };
    const { address, trustZeroConf } = named('gateways', one ?? null, GATEWAY);
    text('gateways.address', address);
    must('gateways.trustZeroConf', trustZeroConf, FLAG);
    return one;
  });
}

/**
 * Whose budget pays; `null`: left out.
 * @throws {WalletError} `invalidInput`
 */
export function authorized(given: Authorization | undefined): Authorization | null {
  if (given === undefined) return null;
  const names: Names<Authorization> = { holder: true, purpose: TEXT, approvedMsat: AMOUNT, records: true };
  const { holder, records } = named('authorization', given, names);
  held('authorization.holder', holder);
  if (records !== undefined) recorded('authorization.records', records);
  return given;
}

/**
 * Whose a budget is.
 * @throws {WalletError} `invalidInput`
 */
export function held(name: string, holder: Holder): Holder {
  const kind = (holder as Holder | undefined)?.kind;
  const ids = kind === 'user' ? [] : kind === 'site' ? (['origin', 'topLevel'] as const) : (['id'] as const);
  if (kind === undefined || !['user', 'site', 'app', 'device', 'child'].includes(kind))
    throw new WalletError('invalidInput', `\`${name}\` says whose it is, such as { kind: 'app', id: 'reader' }.`);
  named(name, holder as object, Object.fromEntries(['kind', ...ids].map((id) => [id, TEXT])) as Names<object>);
  for (const id of ids) must(`${name}.${id}`, (holder as unknown as Record<string, unknown>)[id], TEXT);
  return holder;
}

/**
 * Changes of records of sites.
 * @throws {WalletError} `invalidInput`
 */
export function recorded(name: string, records: SiteRecord[]): SiteRecord[] {
  for (const record of must(name, records, LIST)) {
    const { key, value } = named(name, record ?? null, { key: true, value: true });
    text(`${name}.key`, key);
    must(`${name}.value`, value, orNull(TEXT));
  }
  return records;
}

/**
 * Records for a payee.
 * @throws {WalletError} `invalidInput`
 */
export function told(name: string, records: CustomRecord[]): CustomRecord[] {
  for (const record of must(name, records, LIST)) {
    const { type, value } = named(name, record ?? null, { type: true, value: true });
    required(`${name}.type`, type);
    text(`${name}.value`, value);
  }
  return records;
}

const LIMIT = orNull(AMOUNT);
const RULES: Names<Rules> = {
  perPaymentMsat: LIMIT,
  windows: true,
  rate: true,
  totalMsat: LIMIT,
  expiresAt: LIMIT,
  askAboveMsat: LIMIT,
  purposes: { ...LIST, what: 'a list of texts' },
};
const WINDOW: Names<WindowLimit> = { kind: FILLED, period: FILLED, limitMsat: AMOUNT };
const RATE: Names<StreamRate> = { perSecondMsat: AMOUNT, keepSeconds: U32 };

/**
 * A budget's rules, all of them: one that is not there would not limit.
 * @throws {WalletError} `invalidInput`
 */
export function ruled(rules: Rules): Rules {
  named('rules', rules, RULES);
  const missing = Object.keys(RULES).find((name) => rules?.[name as keyof Rules] === undefined);
  if (missing !== undefined)
    throw new WalletError('invalidInput', `\`rules\` has every rule: \`${missing}\` is missing; null does not limit.`);
  for (const window of must('rules.windows', rules.windows, LIST)) {
    const { limitMsat } = named('rules.windows', window ?? null, WINDOW);
    required('rules.windows.limitMsat', limitMsat);
  }
  if (rules.rate !== null) {
    const { perSecondMsat } = named('rules.rate', rules.rate, RATE);
    required('rules.rate.perSecondMsat', perSecondMsat);
  }
  return rules;
}
