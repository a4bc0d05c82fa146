/** A frame of a site at its port: whether the user sees it, has just touched it, and has enabled its site. */

import { ProviderError, type Sender } from 'amplet/provider';
import { Bounds } from '../lib/bounds.ts';
import type { FromContent } from '../lib/messages.ts';

/** Ms after a touch of a frame within which what it asks for counts as wanted. */
const TOUCH_MS = 10_000;

/** See the head of this file. */
export class Frame {
  readonly sender: Sender;
  readonly bounds = new Bounds();
  /** Fires when the frame is gone. */
  readonly gone = new AbortController();
  /** True once its site was answered as one that the user enabled. */
  enabled = false;
  #visible = true;
  #touched = -Infinity;
  #waiting: (() => void)[] = [];

  constructor(sender: Sender) {
    this.sender = sender;
    this.gone.signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  /** True if it is of another site than the page that it is in. */
  get isForeign(): boolean {
    return this.sender.origin !== this.sender.topLevelOrigin;
  }

  /** What the content script says of it. */
  told({ visible, touched, enabled }: FromContent): void {
    this.#visible = visible;
    if (enabled) this.enabled = true;
    if (touched) this.#touched = Date.now();
    if (visible) this.#wake();
  }

  /** Resolves when the user sees it, or it is gone. */
  seen(): Promise<void> {
    if (this.#visible || this.gone.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => void this.#waiting.push(resolve));
  }

  /**
   * Checks that a window may be raised for it.
   * @throws {ProviderError} `RejectionError`: nobody sees it, or nobody touched it in the page of another site
   */
  mayAsk(): void {
    if (!this.#visible)
      throw new ProviderError('RejectionError', 'Nobody sees the page: ask again when it is in front.');
    if (this.isForeign && Date.now() - this.#touched > TOUCH_MS)
      throw new ProviderError('RejectionError', 'In a page of another site the wallet asks in answer to a click only.');
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
