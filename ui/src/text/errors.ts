/** Errors in the user's language: a title by code; what helps is in error-texts.ts. The engine's own words are for logs. */

import { WalletError, type ErrorCode } from 'amplet';
import { m } from '../paraglide/messages.js';

const TITLES: Record<ErrorCode, () => string> = {
  invalidInput: m.error_invalidInput,
  invalidMnemonic: m.error_invalidMnemonic,
  wrongPassphrase: m.error_wrongPassphrase,
  passkeyRefused: m.error_passkeyRefused,
  passkeyUnsupported: m.error_passkeyUnsupported,
  walletExists: m.error_walletExists,
  walletNotFound: m.error_walletNotFound,
  corrupt: m.error_corrupt,
  newerFormat: m.error_newerFormat,
  fenced: m.error_fenced,
  inUse: m.error_inUse,
  storageFull: m.error_storageFull,
  storage: m.error_storage,
  notAllowedHere: m.error_notAllowedHere,
  versionMismatch: m.error_versionMismatch,
  walletCrashed: m.error_walletCrashed,
  oldCopy: m.error_oldCopy,
  backupUnreachable: m.error_backupUnreachable,
  backupRefused: m.error_backupRefused,
  backupNotFound: m.error_backupNotFound,
  backupExists: m.error_backupExists,
  backupStale: m.error_backupStale,
  movedToAnotherDevice: m.error_movedToAnotherDevice,
  deviceRemoved: m.error_deviceRemoved,
  closed: m.error_closed,
  invalidPaymentRequest: m.error_invalidPaymentRequest,
  wrongNetwork: m.error_wrongNetwork,
  expired: m.error_expired,
  alreadyPaid: m.error_alreadyPaid,
  amountMismatch: m.error_amountMismatch,
  insufficientBalance: m.error_insufficientBalance,
  insufficientInbound: m.error_insufficientInbound,
  noRoute: m.error_noRoute,
  payeeRefused: m.error_payeeRefused,
  feeTooHigh: m.error_feeTooHigh,
  budgetRefused: m.error_budgetRefused,
  approvalNeeded: m.error_approvalNeeded,
  gatewayOffline: m.error_gatewayOffline,
  nodeDown: m.error_nodeDown,
  wrongNodeKey: m.error_wrongNodeKey,
  gatewayRefused: m.error_gatewayRefused,
  notAllowedByBrowser: m.error_notAllowedByBrowser,
  chainSource: m.error_chainSource,
  broadcastRejected: m.error_broadcastRejected,
  cancelled: m.error_cancelled,
  channelUnavailable: m.error_channelUnavailable,
  timeout: m.error_timeout,
  busy: m.error_busy,
  walletOffline: m.error_walletOffline,
  linkPaused: m.error_linkPaused,
  linkTakenBack: m.error_linkTakenBack,
  internal: m.error_internal,
};

/** Whatever was thrown, with a code: what carries none is a defect of this program. */
export function toWalletError(thrown: unknown): WalletError {
  if (thrown instanceof WalletError) return thrown;
  return new WalletError('internal', thrown instanceof Error ? thrown.message : String(thrown));
}

/** What is shown of an error: where it was made matters not. */
export type Titled = Pick<WalletError, 'code'> & Partial<Pick<WalletError, 'noRoute'>>;

export const errorTitle = ({ code, noRoute }: Titled): string =>
  noRoute?.reason === 'onePiece' ? m.error_onePiece() : TITLES[code]();
