import type {
  BudgetRefusal,
  ErrorCode,
  ErrorOutcome,
  NoRoute,
  OtherDevice,
  WalletError as ErrorData,
} from './protocol.ts';

/** An error of a wallet: `code` for programs, `message` for a user, naming what to do. */
export class WalletError extends Error {
  override readonly name = 'WalletError';

  /** Code of the error. The codes never change meaning. */
  readonly code: ErrorCode;

  /** Causes, outermost first; for diagnostics. `cause` has them as errors, each the cause of the one before. */
  readonly causes: readonly string[];

  /** With `budgetRefused` and `approvalNeeded`: which rule, what it leaves, until when, what is needed. */
  readonly budget: BudgetRefusal | undefined;

  /** With `noRoute`: what is in the way, and what would work, where that is known. */
  readonly noRoute: NoRoute | undefined;

  /** With `movedToAnotherDevice`: the device that has the wallet now. */
  readonly device: OtherDevice | undefined;

  /**
   * From methods that pay. `open`: the payment may be in flight or have succeeded, whatever `code` says; look it up before you pay
   * again (`wallet.payment(paymentId)`, also after opening the wallet again). `notSent`: this call sent no funds.
   */
  readonly outcome: ErrorOutcome | undefined;

  /** With the outcome `open`: the payment's id in the history, where it is known; otherwise look in the history. */
  readonly paymentId: string | undefined;

  /** With `walletCrashed`: the engine's last log lines, without secrets. Otherwise empty. */
  readonly log: readonly string[];

  /** Errors come from this package; a program makes one only to stand in for it, in tests. `paymentId` is in hex. */
  constructor(
    code: ErrorCode,
    message: string,
    causes: readonly string[] = [],
    log: readonly string[] = [],
    { budget, noRoute, device, outcome, paymentId }: ErrorDetails = {},
  ) {
    super(message, causes.length === 0 ? undefined : { cause: chained(causes) });
    this.code = code;
    this.causes = causes;
    this.log = log;
    this.budget = budget;
    this.noRoute = noRoute;
    this.device = device;
    this.outcome = outcome;
    this.paymentId = paymentId;
  }
}

/** Errors of these texts, for consoles and for what reports errors. They have no places: those are in the engine. */
function chained(causes: readonly string[]): Error | undefined {
  return causes.reduceRight<Error | undefined>((cause, text) => {
    const error = new Error(text, cause === undefined ? undefined : { cause });
    error.stack = text;
    return error;
  }, undefined);
}

/** What an error tells beside code and text. */
export type ErrorDetails = {
  readonly [K in 'budget' | 'noRoute' | 'device' | 'outcome' | 'paymentId']?: ErrorData[K] | undefined;
};

/** The plain form in which an error crosses a port. */
export function toData(error: unknown): ErrorData {
  if (isErrorData(error)) {
    const { code, message, causes, budget, noRoute, device, outcome, paymentId } = error;
    return {
      code,
      message,
      causes: [...causes],
      ...(budget && { budget }),
      ...(noRoute && { noRoute }),
      ...(device && { device }),
      ...(outcome && { outcome }),
      ...(paymentId && { paymentId }),
    };
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
