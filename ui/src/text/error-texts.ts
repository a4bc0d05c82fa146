/** What helps against an error, in the user's language: by its code and the numbers that come with it, never the engine's text. */

import type { Balance, BudgetRefusal, ErrorCode, Network, NoRoute } from 'amplet';
import { m } from '../paraglide/messages.js';
import { formatAmount, satToMsat, type Precision, type Unit } from './amounts.ts';

/** An error as far as texts are made of it. */
export interface Problem {
  code: ErrorCode;
  noRoute?: NoRoute | undefined;
  budget?: BudgetRefusal | undefined;
}

/** What the page knows beside the error. */
export interface Surroundings {
  unit: Unit;
  locale: string;
  network: Network;
  /** `null`: no wallet is open. */
  balance: Balance | null;
}

type Amount = (msat: bigint, precision?: Precision) => string;

const NETWORKS: Record<Network, string> = {
  mainnet: 'Bitcoin',
  testnet4: 'Testnet4',
  signet: 'Signet',
  regtest: 'Regtest',
};

function noRouteText(noRoute: NoRoute | undefined, amount: Amount): string {
  const largest = noRoute?.largestMsat ?? null;
  const needed = noRoute?.neededFeeMsat ?? null;
  switch (noRoute?.reason) {
    case 'balance':
      return largest === null ? m.help_noRoute_balance() : m.help_noRoute_balanceUpTo({ amount: amount(largest) });
    case 'inbound':
      return largest === null ? m.help_noRoute_inbound() : m.help_noRoute_inboundUpTo({ amount: amount(largest) });
    case 'capacity':
      return largest === null ? m.help_noRoute_capacity() : m.help_noRoute_capacityUpTo({ amount: amount(largest) });
    case 'feeBudget':
      return needed === null ? m.help_feeTooHigh() : m.help_noRoute_feeOf({ amount: amount(needed, 'up') });
    case 'delay':
      return m.help_noRoute_delay();
    case 'parts':
      return largest === null ? m.help_noRoute_parts() : m.help_noRoute_partsUpTo({ amount: amount(largest) });
    case 'onePiece':
      return largest === null ? m.help_noRoute_onePiece() : m.help_noRoute_onePieceUpTo({ amount: amount(largest) });
    case 'noPath':
    case undefined:
      return m.help_noRoute();
  }
}

function budgetText(budget: BudgetRefusal | undefined, amount: Amount): string {
  const { reason, limitMsat = null, leftMsat = null, neededMsat = null } = budget ?? {};
  switch (reason) {
    case 'limit':
      if (limitMsat === null || leftMsat === null || neededMsat === null) return m.help_budget_limit();
      return m.help_budget_limitOf({
        limit: amount(limitMsat),
        left: amount(leftMsat),
        needed: amount(neededMsat, 'up'),
      });
    case 'ask':
    case 'approval':
      return m.help_approvalNeeded();
    case 'noBudget':
      return m.help_budget_none();
    case 'expired':
      return m.help_budget_expired();
    case 'purpose':
      return m.help_budget_purpose();
    case 'closed':
      return m.help_budget_closed();
    case 'invalid':
    case undefined:
      return m.help_budgetRefused();
  }
}

function balanceText(balance: Balance | null, amount: Amount): string {
  if (balance === null) return m.help_insufficientBalance();
  return m.help_insufficientBalance_of({
    everyday: amount(balance.spendableMsat),
    savings: amount(satToMsat(balance.onchainSat > balance.reserveSat ? balance.onchainSat - balance.reserveSat : 0n)),
  });
}

const inboundText = (balance: Balance | null, amount: Amount): string =>
  balance === null
    ? m.help_insufficientInbound()
    : m.help_insufficientInbound_of({ amount: amount(balance.receivableMsat) });

/** Where no more can be said than that. */
const PLAIN: Record<
  Exclude<
    ErrorCode,
    'wrongNetwork' | 'insufficientBalance' | 'insufficientInbound' | 'noRoute' | 'budgetRefused' | 'approvalNeeded'
  >,
  () => string
> = {
  invalidInput: m.help_invalidInput,
  invalidMnemonic: m.help_invalidMnemonic,
  wrongPassphrase: m.help_wrongPassphrase,
  passkeyRefused: m.help_passkeyRefused,
  passkeyUnsupported: m.help_passkeyUnsupported,
  walletExists: m.help_walletExists,
  walletNotFound: m.help_walletNotFound,
  corrupt: m.help_corrupt,
  newerFormat: m.help_reload,
  fenced: m.help_fenced,
  inUse: m.help_inUse,
  storageFull: m.help_storageFull,
  storage: m.help_storage,
  notAllowedHere: m.help_notAllowedHere,
  versionMismatch: m.help_reload,
  walletCrashed: m.help_walletCrashed,
  oldCopy: m.help_oldCopy,
  backupUnreachable: m.help_backupUnreachable,
  backupRefused: m.help_backupRefused,
  backupNotFound: m.help_backupNotFound,
  backupExists: m.help_backupExists,
  backupStale: m.help_backupStale,
  movedToAnotherDevice: m.help_movedToAnotherDevice,
  deviceRemoved: m.help_deviceRemoved,
  closed: m.help_closed,
  invalidPaymentRequest: m.help_invalidPaymentRequest,
  expired: m.help_expired,
  alreadyPaid: m.help_alreadyPaid,
  amountMismatch: m.help_amountMismatch,
  payeeRefused: m.help_payeeRefused,
  feeTooHigh: m.help_feeTooHigh,
  gatewayOffline: m.help_gatewayOffline,
  nodeDown: m.help_gatewayOffline,
  wrongNodeKey: m.help_wrongNodeKey,
  gatewayRefused: m.help_gatewayRefused,
  notAllowedByBrowser: m.help_notAllowedByBrowser,
  chainSource: m.help_chainSource,
  broadcastRejected: m.help_broadcastRejected,
  cancelled: m.help_cancelled,
  channelUnavailable: m.help_channelUnavailable,
  timeout: m.help_timeout,
  busy: m.help_busy,
  walletOffline: m.help_walletOffline,
  linkPaused: m.help_linkPaused,
  linkTakenBack: m.help_linkTakenBack,
  internal: m.help_internal,
};

/** What helps. */
export function helpFor({ code, noRoute, budget }: Problem, { unit, locale, network, balance }: Surroundings): string {
  const amount: Amount = (msat, precision) => formatAmount(msat, unit, locale, precision);
  switch (code) {
    case 'wrongNetwork':
      return network === 'mainnet' ? m.help_wrongNetwork_real() : m.help_wrongNetwork({ network: NETWORKS[network] });
    case 'insufficientBalance':
      return balanceText(balance, amount);
    case 'insufficientInbound':
      return inboundText(balance, amount);
    case 'noRoute':
      return noRouteText(noRoute, amount);
    case 'budgetRefused':
    case 'approvalNeeded':
      return budgetText(budget, amount);
    default:
      return PLAIN[code]();
  }
}
