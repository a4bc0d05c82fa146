/** The streams, as the wallet host reports them to the windows that watch. */

import type { OpenStream } from 'amplet/provider';
import { WATCH_PORT, type FromWatch, type BrowserTask, type ToWatch } from '../lib/messages.ts';

/** Ms until a wallet host that went away is asked for again. */
const AGAIN_MS = 1_000;

export class Watched {
  streams = $state.raw<OpenStream[]>([]);
  /** Those that the user stopped, while they settle. */
  stopping = $state.raw<readonly string[]>([]);
  #port: chrome.runtime.Port | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  /** Begins to watch; returns how to end it. */
  watch(): () => void {
    void this.#connect();
    return () => {
      this.#over = true;
      clearTimeout(this.#again);
      this.#port?.disconnect();
    };
  }

  send(message: FromWatch): void {
    if (this.#port === null) return;
    if (message.action === 'stop') this.stopping = [...this.stopping, message.streamId];
    this.#port.postMessage(message);
  }

  #receive({ streams }: ToWatch): void {
    this.streams = streams;
    // What cannot settle now says so, and ends later.
    this.stopping = this.stopping.filter((id) => streams.some(({ report, gone }) => report.streamId === id && !gone));
  }

  async #connect(): Promise<void> {
    await chrome.runtime.sendMessage({ to: 'browser', ask: 'wake' } satisfies BrowserTask).catch(() => undefined);
    if (this.#over) return;
    const port = chrome.runtime.connect({ name: WATCH_PORT });
    this.#port = port;
    port.onMessage.addListener((message: ToWatch) => this.#receive(message));
    port.onDisconnect.addListener(() => {
      void chrome.runtime.lastError; // read, as the browser complains about one that nobody looked at
      this.#port = null;
      this.#receive({ streams: [] });
      this.#again = setTimeout(() => void this.#connect(), AGAIN_MS);
    });
  }
}
