/** Errors as sites learn of them: the kind, and nothing of how much money there is. */

import type { WalletFailure } from './types.ts';
import type { SiteErrorCode, SiteErrorName } from './wire.ts';

/** An error as a site sees it. */
export class ProviderError extends Error {
  override readonly name: SiteErrorName;

  /** What the name does not say, for programs. */
  readonly code: SiteErrorCode | undefined;

  /** `message` and `code` are what the site sees; `cause` stays here. */
  constructor(
    name: SiteErrorName,
    message: string,
    { code, ...options }: ErrorOptions & { code?: SiteErrorCode } = {},
  ) {
    super(message, options);
    this.name = name;
    this.code = code;
  }
}

/** An argument that makes no sense. */
export const invalid = (message: string): ProviderError => new ProviderError('InvalidDataError', message);

/** A request that was turned down. */
export const rejected = (message: string): ProviderError => new ProviderError('RejectionError', message);

/** A request that was turned down because there are too many. */
export const busy = (message: string): ProviderError => new ProviderError('RejectionError', message, { code: 'busy' });

/** The wallet's codes that mean that no funds were sent, with what a site is told. */
const REFUSALS: Readonly<Record<string, readonly [SiteErrorName, string]>> = {
  invalidInput: ['InvalidDataError', 'An argument makes no sense.'],
  invalidPaymentRequest: ['InvalidDataError', 'This is no invoice that can be paid.'],
  wrongNetwork: ['InvalidDataError', 'The invoice is of another network than the wallet.'],
  expired: ['InvalidDataError', 'The invoice has expired: make a new one.'],
  alreadyPaid: ['InvalidDataError', 'The invoice is paid already, or being paid.'],
  amountMismatch: ['InvalidDataError', 'The invoice and the amount do not agree.'],
  insufficientBalance: [
    'RoutingError',
    'Insufficient balance: the wallet has less than this costs; no funds were sent.',
  ],
  noRoute: ['RoutingError', 'The payment found no route; no funds were sent.'],
  feeTooHigh: ['RoutingError', 'The payment found no route within the fee allowed; no funds were sent.'],
  payeeRefused: ['RoutingError', 'The payee refused the payment; no funds were sent.'],
  budgetRefused: ['RejectionError', 'The budget of this site does not allow it; no funds were sent.'],
  approvalNeeded: ['RejectionError', 'The user did not allow it; no funds were sent.'],
  gatewayOffline: ['ConnectionError', 'The wallet is offline; no funds were sent.'],
  nodeDown: ['ConnectionError', 'The wallet is offline; no funds were sent.'],
  movedToAnotherDevice: ['ConnectionError', 'The wallet is used on another device of its user; no funds were sent.'],
  deviceRemoved: ['ConnectionError', 'The wallet is used on another device of its user; no funds were sent.'],
  backupUnreachable: ['ConnectionError', 'The wallet cannot save what it does just now; no funds were sent.'],
  backupRefused: ['ConnectionError', 'The wallet cannot save what it does just now; no funds were sent.'],
  busy: ['RejectionError', 'The wallet is busy: ask again in a moment; no funds were sent.'],
};

/** Those of the wallet's codes that a site's program can tell apart. */
const TOLD: Readonly<Record<string, SiteErrorCode>> = {
  busy: 'busy',
  movedToAnotherDevice: 'moved',
  insufficientBalance: 'insufficientBalance',
};

/** The wallet's error, if it is one. */
export function failureOf(error: unknown): WalletFailure | null {
  if (typeof error !== 'object' || error === null) return null;
  const { code, message } = error as { code?: unknown; message?: unknown };
  return typeof code === 'string' && typeof message === 'string' ? { code, message } : null;
}

/** Maps an error that means that no funds were sent to what the site is told; `null` when it does not say so. */
export function refusalOf(error: unknown): ProviderError | null {
  if (isOpen(error)) return null;
  const { code } = failureOf(error) ?? { code: '' };
  if (!Object.hasOwn(REFUSALS, code)) return null;
  const told = TOLD[code];
  return new ProviderError(...REFUSALS[code]!, { cause: error, ...(told === undefined ? {} : { code: told }) });
}

/** Returns whether an error means that no funds were sent. */
export const isUnsent = (error: unknown): boolean => refusalOf(error) !== null || outcomeOf(error) === 'notSent';

/** Returns whether an error means that the outcome of a payment is open. */
export const isOpen = (error: unknown): boolean => outcomeOf(error) === 'open';

const outcomeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null ? (error as { outcome?: unknown }).outcome : undefined;

/** Returns the refusal of a budget that the user may still overrule; `null`: it is none. */
export function asksUser(error: unknown): WalletFailure | null {
  const failure = failureOf(error);
  return failure?.code === 'approvalNeeded' || failure?.code === 'budgetRefused' ? failure : null;
}

const GONE = [
  'closed',
  'walletCrashed',
  'walletNotFound',
  'wrongPassphrase',
  'inUse',
  'fenced',
  'movedToAnotherDevice',
  'deviceRemoved',
  'timeout',
  'versionMismatch',
];

/** Returns whether the wallet is not there to be asked. */
export const isGone = (error: unknown): boolean => GONE.includes(failureOf(error)?.code ?? '');

/** Maps any error to what the site is told. */
export function providerErrorOf(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  const refusal = refusalOf(error);
  if (refusal) return refusal;
  if (isGone(error)) {
    return new ProviderError('ConnectionError', 'The wallet is closed or locked: open it, and ask again.', {
      cause: error,
    });
  }
  return new ProviderError('InternalError', 'The wallet failed. The user finds details in its diagnostics.', {
    cause: error,
  });
}

/** The error for a method that does not exist. */
export const unsupported = (method: string): ProviderError =>
  new ProviderError(
    'UnsupportedMethodError',
    `This wallet has no method "${method.slice(0, 64)}"; getInfo() lists what it has.`,
  );
