/** The error of the pretended engine. */

import type { ErrorCode, OtherDevice } from 'amplet';

/** A text of the engine, which no screen may show: e2e looks for the mark. */
export const engineText = (text: string): string => `⚙ ${text}`;

/** As in the package. */
export class WalletError extends Error {
  override readonly name = 'WalletError';
  readonly causes: string[] = [];
  readonly log: string[] = [];
  readonly code: ErrorCode;
  readonly device: OtherDevice | undefined;
  constructor(code: ErrorCode, message: string, device?: OtherDevice) {
    super(engineText(message));
    this.code = code;
    this.device = device;
  }
}
