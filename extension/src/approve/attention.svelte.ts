/**
 * True if the user has had time to see what the window says. Buttons that agree to something work only then: a window that
 * was just shown, moved, resized or brought to the front under a click that was meant for a page agrees to nothing.
 */

/** Ms that the window is in front, as large as now, where it is now, with the same question. */
const LOOK_MS = 500;
/** Ms between two looks at where the window is: no event tells of a move. */
const WATCH_MS = 100;
/** In a smaller window amount and site may be out of sight; px of the screen, however large the user has the letters. */
const LEAST = { width: 300, height: 360 };

export class Attention {
  /** True if a yes counts. */
  given = $state(false);
  #since = Infinity;
  #place = '';

  /** Begins to watch; returns how to end it. */
  watch(): () => void {
    const timer = setInterval(() => this.#look(), WATCH_MS);
    const again = (): void => this.again();
    for (const name of ['blur', 'focus', 'resize', 'visibilitychange']) addEventListener(name, again);
    this.again();
    return () => {
      clearInterval(timer);
      for (const name of ['blur', 'focus', 'resize', 'visibilitychange']) removeEventListener(name, again);
    };
  }

  /** Something else is shown from now on. */
  again(): void {
    this.given = false;
    this.#since = performance.now();
    this.#place = place();
  }

  #look(): void {
    const visible =
      document.hasFocus() &&
      document.visibilityState === 'visible' &&
      outerWidth >= LEAST.width &&
      outerHeight >= LEAST.height;
    if (!visible || place() !== this.#place) this.again();
    else if (performance.now() - this.#since >= LOOK_MS) this.given = true;
  }
}

const place = (): string => [screenX, screenY, innerWidth, innerHeight].join();
