/**
 * True if the user has had time to see what is agreed to. What can spend works only then: a window or tab that was just
 * shown, moved, resized or brought to the front under a click that was meant for a page agrees to nothing.
 */

/** Ms for which it is in front, as large as now, where it is now, with the same content. */
const LOOK_MS = 500;
/** Ms between two looks at where the window is: no event tells of a move. */
const WATCH_MS = 100;

/** Sent to the window when the page itself has moved what it shows. */
export const MOVED = 'amplet-moved';

const WINDOW_EVENTS = ['blur', 'focus', 'resize', 'hashchange', 'pageshow', MOVED];

/** Conditions for attention, beside being visible and staying as it is. */
export interface AttentionOptions {
  /**
   * True if the document has to have the focus. A panel beside a page has none while the user is on the page, and gets it with
   * the very click that is meant for it.
   */
  focus?: boolean;
  /** Smallest window that shows all that is agreed to, in px of the screen, however large the user has the letters. */
  least?: { width: number; height: number };
}

/** See the head of this file. */
export class Attention {
  /** True if a yes counts. */
  given = $state(false);
  readonly #focus: boolean;
  readonly #least: { width: number; height: number };
  #since = Infinity;
  #place = '';

  constructor({ focus = true, least = { width: 0, height: 0 } }: AttentionOptions = {}) {
    this.#focus = focus;
    this.#least = least;
  }

  /** Begins to watch; returns how to end it. */
  watch(): () => void {
    const timer = setInterval(() => this.#look(), WATCH_MS);
    const again = (): void => this.again();
    const events = WINDOW_EVENTS.filter((name) => this.#focus || (name !== 'blur' && name !== 'focus'));
    for (const name of events) addEventListener(name, again);
    document.addEventListener('visibilitychange', again);
    this.again();
    return () => {
      clearInterval(timer);
      for (const name of events) removeEventListener(name, again);
      document.removeEventListener('visibilitychange', again);
      this.given = false;
    };
  }

  /** Something else is shown from now on. */
  again(): void {
    this.given = false;
    this.#since = performance.now();
    this.#place = place();
  }

  #look(): void {
    const inFront =
      document.visibilityState === 'visible' &&
      (!this.#focus || document.hasFocus()) &&
      outerWidth >= this.#least.width &&
      outerHeight >= this.#least.height;
    if (!inFront || place() !== this.#place) this.again();
    else if (performance.now() - this.#since >= LOOK_MS) this.given = true;
  }
}

const place = (): string => [screenX, screenY, innerWidth, innerHeight].join();

/** For a component: watches while it is shown, anew with each change of what `shown` reads. */
export function attend(shown: () => unknown, options: AttentionOptions = {}): Attention {
  const attention = new Attention(options);
  $effect(() => attention.watch());
  $effect.pre(() => {
    shown();
    attention.again();
  });
  return attention;
}
