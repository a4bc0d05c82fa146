/** Frames that the user does not see: hidden tabs, and pages that are loaded ahead of time. */

/** Each frame is named by the signal that fires when it goes away. */
export class Views {
  readonly #hidden = new WeakSet<AbortSignal>();
  readonly #waiting = new WeakMap<AbortSignal, Set<() => void>>();

  /** Notes whether a frame is seen. */
  set(frame: AbortSignal, visible: boolean): void {
    if (!visible) {
      this.#hidden.add(frame);
      return;
    }
    this.#hidden.delete(frame);
    for (const go of this.#waiting.get(frame) ?? []) go();
    this.#waiting.delete(frame);
  }

  /** Returns whether nobody sees a frame. Until it is said, a frame is seen. */
  isHidden(frame: AbortSignal): boolean {
    return this.#hidden.has(frame);
  }

  /** Resolves when a frame is seen, or gone. */
  untilSeen(frame: AbortSignal): Promise<void> {
    if (!this.#hidden.has(frame) || frame.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(frame) ?? new Set();
      this.#waiting.set(frame, waiting.add(resolve));
      frame.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
