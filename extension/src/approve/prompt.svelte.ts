/** The wallet host's question, as this window knows it. */

import type { Decision } from 'amplet/provider';
import { APPROVE_PORT, type FromApprove, type Shown, type ToApprove } from '../lib/messages.ts';

export class Prompt {
  id = $state(0);
  request = $state.raw<Shown | null>(null);
  /** Questions that wait, this one included. */
  waiting = $state(0);
  #port: chrome.runtime.Port | null = null;

  /** Tells the wallet host that this window is there. */
  connect(): void {
    const port = chrome.runtime.connect({ name: APPROVE_PORT });
    this.#port = port;
    port.onMessage.addListener((message: ToApprove) => this.#receive(message));
    port.onDisconnect.addListener(() => close());
  }

  /** Answers question `id`, and no other: one that was withdrawn or answered meanwhile takes its answer along. */
  decide(id: number, decision: Decision): void {
    this.#say({ id, decision });
  }

  /** Says no to question `id`, until the site's budget allows something again. */
  stop(id: number): void {
    this.#say({ id, decision: { allowed: false }, stop: true });
  }

  #say(said: FromApprove): void {
    if (said.id !== this.id || this.request === null) return;
    this.request = null;
    this.#port?.postMessage(said);
  }

  #receive({ id, request, waiting }: ToApprove): void {
    // More that waits changes the number only: what is read goes on being read.
    if (id !== this.id) this.request = request;
    this.id = id;
    this.waiting = waiting;
  }
}

export const prompt = new Prompt();
