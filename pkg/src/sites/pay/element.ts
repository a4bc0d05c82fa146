/** `<amplet-pay>`: an invoice to be paid by whatever wallet the visitor has. */

import { must, type Kind } from '../../base/kinds.ts';
import type { WeblnLike } from '../webln/payer.ts';
import { element, ENGLISH, qrCode, STYLE, type PayState, type PayTexts } from './view.ts';

/** Name of an element (HTML, "valid custom element name", as far as it is usual). */
const ELEMENT: Kind = {
  is: (value) => typeof value === 'string' && /^[a-z][a-z0-9._]*-[a-z0-9._-]*$/.test(value),
  what: "an element's name, with a hyphen in it, such as 'amplet-pay'",
};

/** The element that {@link definePay} defines. */
export interface PayElement extends HTMLElement {
  /** The BOLT 11 invoice; also an attribute. Another one begins anew. */
  invoice: string;
  /** Where it stands; also an attribute, for styles. */
  state: PayState;
  /** Words in another language. */
  texts: PayTexts;
  /**
   * Waits until the invoice is paid or has expired, such as by asking the page's server; `signal` fires when the element has another
   * invoice or is gone. Without it the page sets `state`. What it rejects with is reported, and the state stays.
   */
  watch: ((invoice: string, signal: AbortSignal) => Promise<'paid' | 'expired'>) | null;
}

/**
 * Defines `<amplet-pay invoice="lnbc…">`: a code to be scanned, a button that pays by WebLN where the page has a wallet and else opens
 * one (`lightning:`), a button that copies, and the state, which is read out. It fires `amplet-sent` (`detail.preimage`, hex) when the
 * page's wallet has paid, and `amplet-paid` once `state` is `paid`. Themed by `--amplet-accent`, `--amplet-on-accent`, `--amplet-radius`,
 * `--amplet-size` and the parts `code`, `pay`, `copy`, `state`. Defining it again is no error; on a server it does nothing.
 * @throws {WalletError} `invalidInput`
 */
export function definePay(name = 'amplet-pay'): void {
  must('name', name, ELEMENT);
  if (typeof customElements === 'undefined' || customElements.get(name) !== undefined) return;
  customElements.define(name, payClass());
}

/** Made when it is asked for: servers have no `HTMLElement` to extend. */
function payClass(): CustomElementConstructor {
  return class extends HTMLElement implements PayElement {
    static readonly observedAttributes = ['invoice', 'state'];
    watch: PayElement['watch'] = null;
    readonly #root = this.attachShadow({ mode: 'open', delegatesFocus: true });
    readonly #live = element('p', { role: 'status', part: 'state' });
    #texts = ENGLISH;
    #stop = new AbortController();

    constructor() {
      super();
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      this.#root.adoptedStyleSheets = [sheet];
    }

    get invoice(): string {
      return this.getAttribute('invoice') ?? '';
    }
    set invoice(invoice: string) {
      this.setAttribute('invoice', invoice);
    }

    get state(): PayState {
      const state = this.getAttribute('state') ?? '';
      return Object.hasOwn(ENGLISH.states, state) ? (state as PayState) : 'waiting';
    }
    set state(state: PayState) {
      this.setAttribute('state', state);
    }

    get texts(): PayTexts {
      return this.#texts;
    }
    set texts(texts: PayTexts) {
      this.#texts = texts;
      this.#show();
    }

    connectedCallback(): void {
      this.#begin();
    }

    disconnectedCallback(): void {
      this.#stop.abort();
    }

    attributeChangedCallback(name: string, old: string | null, value: string | null): void {
      if (old === value || !this.isConnected) return;
      if (name === 'invoice') {
        this.state = 'waiting';
        this.#begin();
      } else {
        this.#show();
        if (value === 'paid') this.dispatchEvent(new CustomEvent('amplet-paid', { bubbles: true, composed: true }));
      }
    }

    #begin(): void {
      this.#stop.abort();
      this.#stop = new AbortController();
      const { signal } = this.#stop;
      this.#show();
      // After the page's own script, which may give `watch` only once the element is there.
      queueMicrotask(() => {
        if (this.invoice === '' || signal.aborted) return;
        this.watch?.(this.invoice, signal).then(
          (state) => !signal.aborted && (this.state = state),
          (error: unknown) => !signal.aborted && reportError(error),
        );
      });
    }

    #show(): void {
      const { states, code } = this.#texts;
      const open = this.state === 'waiting' || this.state === 'sending' || this.state === 'failed';
      const text = states[this.state];
      // The same element stays: what is put in anew is not read out.
      if (this.#live.textContent !== text) this.#live.textContent = text;
      const parts: Element[] = [this.#live];
      if (open && this.invoice !== '')
        parts.unshift(qrCode(`lightning:${this.invoice}`.toUpperCase(), code), this.#buttons());
      const focused = this.#root.activeElement?.getAttribute('part');
      for (const old of [...this.#root.children]) if (old !== this.#live) old.remove();
      this.#root.prepend(...parts.filter((part) => part !== this.#live));
      if (!this.#live.isConnected) this.#root.append(this.#live);
      if (focused) this.#root.querySelector<HTMLElement>(`[part="${focused}"]`)?.focus();
    }

    #buttons(): Element {
      const { pay, open, copy, copied } = this.#texts;
      const row = element('div', { class: 'row' });
      const webln = (globalThis as { webln?: WeblnLike }).webln;
      if (webln === undefined) {
        row.append(element('a', { class: 'main', part: 'pay', href: `lightning:${this.invoice}` }, open));
      } else {
        const button = element('button', { class: 'main', part: 'pay', type: 'button' }, pay);
        button.disabled = this.state === 'sending';
        button.onclick = () => void this.#send(webln);
        row.append(button);
      }
      const copying = element('button', { part: 'copy', type: 'button' }, copy);
      copying.onclick = () =>
        void navigator.clipboard.writeText(this.invoice).then(
          () => (this.#live.textContent = copying.textContent = copied),
          (error: unknown) => reportError(error),
        );
      row.append(copying);
      return row;
    }

    async #send(webln: WeblnLike): Promise<void> {
      const { invoice } = this;
      this.state = 'sending';
      try {
        await webln.enable();
        const { preimage } = await webln.sendPayment(invoice);
        this.dispatchEvent(new CustomEvent('amplet-sent', { detail: { preimage }, bubbles: true, composed: true }));
        // That it has arrived is for the payee to say, if anybody asks them.
        if (this.watch === null && this.invoice === invoice && this.state === 'sending') this.state = 'paid';
      } catch (error) {
        if (this.invoice === invoice && this.state === 'sending') this.state = 'failed';
        reportError(error);
      }
    }
  };
}
