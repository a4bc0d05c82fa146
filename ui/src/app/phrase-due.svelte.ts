/** Whether the user still has to write down the recovery words: of a wallet that was made with a passkey, until they were shown. */

const key = (wallet: string): string => `amplet-phrase-due.${wallet}`;

/** See the head of this file. */
export class PhraseDue {
  due = $state(false);
  #wallet: string | null = null;

  /** A wallet is open; `unseen`: it was made just now, and its words were not shown. */
  open(wallet: string, unseen: boolean): void {
    this.#wallet = wallet;
    if (unseen) localStorage.setItem(key(wallet), '1');
    this.due = localStorage.getItem(key(wallet)) !== null;
  }

  /** They are written down, or their wallet is gone. */
  done(): void {
    if (this.#wallet !== null) localStorage.removeItem(key(this.#wallet));
    this.due = false;
  }
}
