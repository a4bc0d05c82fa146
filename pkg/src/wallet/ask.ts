import { bindMethods } from '../base/bound.ts';
import type { Request } from '../base/protocol.ts';

/** Base of what has requests to a wallet's engine as methods. */
export abstract class Asks {
  readonly #call: (request: Request) => Promise<unknown>;

  /** `call` asks the engine. */
  protected constructor(call: (request: Request) => Promise<unknown>) {
    this.#call = call;
    bindMethods(this);
  }

  /**
   * Asks the engine. The answer's type is the one that the request's documentation names; the engine is of the same version (checked
   * when the link was made), so what it answers is not checked again.
   * @throws {WalletError} the engine's
   */
  protected ask<T>(request: Request): Promise<T> {
    return this.#call(request) as Promise<T>;
  }
}
