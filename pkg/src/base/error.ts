import type { BudgetRefusal, ErrorCode, NoRoute, WalletError as ErrorData } from './protocol.ts';

/** An error of a wallet: `code` for programs, `message` for a user, naming what to do. */
export class WalletError extends Error {
  override readonly name = 'WalletError';

  /** Code of the error. The codes never change meaning. */
  readonly code: ErrorCode;

  /** Causes, outermost first; for diagnostics. */
  readonly causes: readonly string[];

  /** With `budgetRefused` and `approvalNeeded`: which rule, what it leaves, until when, what is needed. */
  readonly budget: BudgetRefusal | undefined;

  /** With `noRoute`: what is in the way, and what would work, where that is known. */
  readonly noRoute: NoRoute | undefined;

  /** With `timeout` after `pay` was aborted: the payment's id in the history, by which its outcome is learnt. */
  readonly paymentId: string | undefined;

  /** With `walletCrashed`: the engine's last log lines, without secrets. Otherwise empty. */
  readonly log: readonly string[];

  /** Errors come from this package; a program makes one only to stand in for it, in tests. `paymentId` is in hex. */
  constructor(
    code: ErrorCode,
    message: string,
    causes: readonly string[] = [],
    log: readonly string[] = [],
    { budget, noRoute, paymentId }: Pick<ErrorData, 'budget' | 'noRoute'> & { paymentId?: string | undefined } = {},
  ) {
    super(message);
    this.code = code;
    this.causes = causes;
    this.log = log;
    this.budget = budget;
    this.noRoute = noRoute;
    this.paymentId = paymentId;
  }
}

/** The plain form in which an error crosses a port. */
export function toData(error: unknown): ErrorData {
  if (isErrorData(error)) {
    const { code, message, causes, budget, noRoute } = error;
    return { code, message, causes: [...causes], ...(budget && { budget }), ...(noRoute && { noRoute }) };
  }
  return {
    code: 'internal',
    message: 'A defect in the wallet: reload the page, and report this with the diagnostics.',
    causes: [describe(error)],
  };
}

/** Makes the error that an API method throws of something caught. */
export function toError(error: unknown, log: readonly string[] = []): WalletError {
  if (error instanceof WalletError) return error;
  const data = toData(error);
  return new WalletError(data.code, data.message, data.causes, log, data);
}

/** Returns whether `value` is an error of the engine or of this package. */
export function isErrorData(value: unknown): value is ErrorData {
  if (typeof value !== 'object' || value === null) return false;
  const { code, message, causes } = value as Partial<Record<keyof ErrorData, unknown>>;
  return typeof code === 'string' && typeof message === 'string' && Array.isArray(causes);
}

/** A short text for something caught, whatever it is. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
