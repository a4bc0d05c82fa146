// What is in the letters between a budget's holder and the wallet that pays: JSON, with amounts and times as decimal texts.

import { WalletError, type ErrorDetails } from '../../base/error.ts';
import type {
  ErrorCode,
  HolderKind,
  LimitUsage,
  Network,
  Payment,
  PaymentStatus,
  WalletError as ErrorData,
} from '../../base/protocol.ts';

/** Difference of the two clocks within which a request counts, in seconds. */
export const MAX_AGE_SECS = 600;

/** What is asked. */
export type BudgetRequest =
  | { method: 'info' }
  | { method: 'inspect'; invoice: string; amountMsat: bigint | null }
  | { method: 'pay'; invoice: string; amountMsat: bigint | null; maxFeeMsat: bigint | null }
  | { method: 'payment'; paymentHash: string }
  | { method: 'history'; before: string | null };

/** A request with its name, which is used once, and its time in seconds since the UNIX epoch. */
export type Asking = BudgetRequest & { id: string; at: number };

/** A budget, as its holder sees it. */
export interface BudgetInfo {
  /** Its name. */
  name: string;
  /** `child`, `app` or `device`. */
  kind: HolderKind;
  /** Network of the wallet that pays. */
  network: Network;
  /** Amount, in msat, that can be spent now without a question; `null`: no limit over time, or nothing goes (`closed`, `asksAboveMsat`). */
  leftMsat: bigint | null;
  /** Its limits over time, with what is spent of them. */
  usage: LimitUsage[];
  /** Maximum of one payment, fee included, in msat; `null`: none. */
  perPaymentMsat: bigint | null;
  /** A payment that costs more, in msat, is refused: its owner would have to be asked; `null`: none is. */
  askAboveMsat: bigint | null;
  /** Time at which it ends; `null`: it does not. */
  expiresAt: bigint | null;
  /** True when its owner has closed it: nothing is paid. */
  closed: boolean;
}

/** An invoice, as the wallet that pays reads it. */
export interface BudgetInvoice {
  /** BOLT 11, as it is paid. */
  invoice: string;
  /** `null`: the payer chooses. */
  amountMsat: bigint | null;
  /** In hex. */
  paymentHash: string;
  /** What it is for; empty when it does not say. */
  description: string;
  /** Time at which it expires. */
  expiresAt: bigint;
  /** Its network. */
  network: Network;
  /** Routing fee to be expected, in msat; `null`: not known. */
  expectedFeeMsat: bigint | null;
  /** Maximum routing fee, in msat. */
  maxFeeMsat: bigint;
  /** Why it would not be paid now, the budget's refusal included; `null`: it can be tried. */
  problem: ErrorData | null;
}

/** A payment from a budget. */
export type BudgetPayment = Pick<
  Payment,
  'id' | 'amountMsat' | 'feeMsat' | 'description' | 'preimage' | 'createdAt' | 'settledAt'
> &
  PaymentStatus;

/** What a wallet answers to each. */
export interface BudgetAnswers {
  info: BudgetInfo;
  inspect: BudgetInvoice;
  pay: BudgetPayment;
  payment: BudgetPayment;
  history: BudgetPayment[];
}

/** An answer. */
export type Answer<T = unknown> = { value: T } | { error: ErrorData };

/** Payments in one answer to `history`: they fit into a letter. */
export const PAGE = 8;

/** Names of what is a bigint, besides all that end in `Msat` or `At`. */
const BIGINTS = /(?:Msat|At|^until)$/;

/** Writes a request or an answer. */
export const write = (value: Asking | Answer): string =>
  JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part));

/** Reads an answer, or the fields of a request. Throws when it is no JSON. */
export const read = (text: string): unknown =>
  JSON.parse(text, (name, part: unknown) =>
    typeof part === 'string' && BIGINTS.test(name) && /^\d{1,20}$/.test(part) ? BigInt(part) : part,
  );

/**
 * Reads a request; `null`: it is none, or from another time than `now` (seconds since the UNIX epoch).
 */
export function readAsking(text: string, now: number): Asking | null {
  const { id, at, method, ...rest } = fieldsOf(text);
  if (typeof id !== 'string' || id.length > 64 || typeof at !== 'number' || Math.abs(now - at) > MAX_AGE_SECS)
    return null;
  const request = requestOf(method, rest);
  return request && { id, at, ...request };
}

function fieldsOf(text: string): Partial<Record<string, unknown>> {
  try {
    return read(text) ?? {};
  } catch {
    return {}; // no JSON
  }
}

function requestOf(method: unknown, given: Partial<Record<string, unknown>>): BudgetRequest | null {
  const { invoice, amountMsat, maxFeeMsat, paymentHash, before } = given;
  switch (method) {
    case 'info':
      return { method };
    case 'inspect':
      return isText(invoice) && isAmount(amountMsat) ? { method, invoice, amountMsat } : null;
    case 'pay':
      return isText(invoice) && isAmount(amountMsat) && isAmount(maxFeeMsat)
        ? { method, invoice, amountMsat, maxFeeMsat }
        : null;
    case 'payment':
      return isText(paymentHash) ? { method, paymentHash } : null;
    case 'history':
      return before === null || isText(before) ? { method, before } : null;
    default:
      return null;
  }
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isAmount = (value: unknown): value is bigint | null => value === null || typeof value === 'bigint';

/** The error that an answer tells. */
export function errorOf({ code, message, ...details }: ErrorData): WalletError {
  return new WalletError(code, message, [], [], details);
}

/** An error as an answer tells it. */
export const told = (code: ErrorCode, message: string, details: ErrorDetails = {}): { error: ErrorData } => {
  const { budget, outcome, paymentId } = details;
  return {
    error: {
      code,
      message,
      causes: [],
      ...(budget && { budget }),
      ...(outcome && { outcome }),
      ...(paymentId && { paymentId }),
    },
  };
};
