// What an error says of the payment that its call was to begin.

import { paymentHash } from '../base/bolt11.ts';
import { WalletError } from '../base/error.ts';
import type { Request } from '../base/protocol.ts';

/** Returns whether a request begins a payment. */
export function isPayment(request: Request): boolean {
  switch (request.method) {
    case 'pay':
    case 'keysend':
    case 'streamPay':
      return true;
    case 'send':
      return !request.dryRun;
    default:
      return false;
  }
}

/** The error of a payment that surely did not begin. */
export const notSent = (error: WalletError): WalletError => withOutcome(error, { outcome: 'notSent' });

/**
 * The error of a payment whose answer nobody waits for any more: the engine may have begun it. `begun` is the id that the engine
 * told, if it did.
 */
export function leftOpen(error: WalletError, request: Request, begun: string | null): WalletError {
  const paymentId = begun ?? idOf(request) ?? undefined;
  const message =
    `${error.message} The payment that was under way may still succeed: open the wallet again and look it up in the history ` +
    'before you pay again.';
  return withOutcome(error, { outcome: 'open', paymentId, message });
}

/** The id that a payment will have in the history, where the request says it. */
function idOf(request: Request): string | null {
  if (request.method === 'pay') return paymentHash(request.invoice);
  return request.method === 'streamPay' ? request.stream : null;
}

function withOutcome(
  error: WalletError,
  {
    outcome,
    paymentId,
    message = error.message,
  }: { outcome: 'open' | 'notSent'; paymentId?: string | undefined; message?: string },
): WalletError {
  const { code, causes, log, budget, noRoute } = error;
  return new WalletError(code, message, causes, log, { budget, noRoute, outcome, paymentId });
}
