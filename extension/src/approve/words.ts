/** Questions in the user's language, and what each of them comes down to. */

import type { PromptRequest, Range } from 'amplet/provider';
import { m } from 'amplet-ui/paraglide/messages.js';
import { STREAM } from '../lib/budgets.ts';

/** What can be allowed, or read. */
export type Question = Exclude<PromptRequest, { kind: 'notEnough' }>;

type Kind = Question['kind'];

export const TITLES: Record<Kind, () => string> = {
  enable: m.ask_enable,
  balance: m.ask_balance,
  payment: m.ask_payment,
  keysend: m.ask_payment,
  stream: m.ask_stream,
  invoice: m.ask_invoice,
  signMessage: m.ask_sign,
  verifyMessage: m.ask_verify,
  lnurlPay: m.ask_payment,
  lnurlSuccess: m.ask_success,
  lnurlWithdraw: m.ask_invoice,
  lnurlAuth: m.ask_login,
};

export const YES: Record<Kind, () => string> = {
  enable: m.allow,
  balance: m.allow,
  payment: m.pay,
  keysend: m.pay,
  stream: m.allow,
  invoice: m.receive,
  signMessage: m.ask_sign_yes,
  verifyMessage: m.ask_close,
  lnurlPay: m.pay,
  lnurlSuccess: m.ask_close,
  lnurlWithdraw: m.receive,
  lnurlAuth: m.ask_login_yes,
};

/** Cost and purpose of a payment. */
export interface Cost {
  amountMsat: bigint;
  /** `null`: not known. */
  expectedFeeMsat: bigint | null;
  maxFeeMsat: bigint;
  payee: string;
  what: string;
}

/** `null`: the question is not about a payment of a known amount. */
export function costOf(request: Question): Cost | null {
  if (request.kind === 'keysend') return { ...request, what: '' };
  if (request.kind !== 'payment' || request.invoice.amountMsat === null) return null;
  const { amountMsat, expectedFeeMsat, maxFeeMsat, payee, description } = request.invoice;
  const { context } = request;
  return {
    amountMsat,
    expectedFeeMsat,
    maxFeeMsat,
    payee,
    what: context.kind === 'page' ? context.url : context.kind === 'lnurl' ? context.text : description,
  };
}

/** Returns what the next payment takes from the budget: of a stream, the credit that it lets run up. */
export function nextOf(request: Question): Pick<Cost, 'amountMsat' | 'maxFeeMsat'> | null {
  return request.kind === 'stream' ? { amountMsat: request.creditMsat, maxFeeMsat: 0n } : costOf(request);
}

/** Returns the purpose under which it is paid, as the package names it; `null`: none in particular. */
export function purposeOf(request: Question): string | null {
  if (request.kind === 'stream') return STREAM;
  return request.kind === 'payment' && request.context.kind === 'page' ? 'page' : null;
}

/** Formats how long an amount lasts, in the largest unit of which it is at least two. */
export function lasting(msat: bigint, ratePerSecondMsat: bigint, locale: string): string {
  const seconds = Number(msat / ratePerSecondMsat);
  const [unit, length] =
    seconds >= 7_200
      ? (['hour', 3_600] as const)
      : seconds >= 120
        ? (['minute', 60] as const)
        : (['second', 1] as const);
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long', maximumFractionDigits: 0 }).format(
    Math.floor(seconds / length),
  );
}

/** Returns the amounts that the user may choose from; `null`: there is nothing to choose. */
export function rangeOf(request: Question): Range | null {
  switch (request.kind) {
    case 'invoice':
    case 'lnurlPay':
    case 'lnurlWithdraw':
      return request;
    case 'payment':
      return request.invoice.amountMsat === null ? { minMsat: 1n, maxMsat: null } : null;
    default:
      return null;
  }
}
