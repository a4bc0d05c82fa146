// Discovery among the hosts of one wallet (of other releases, or one per tab where there is no SharedWorker).

/** A host's description of itself. */
export interface HostInfo {
  id: string;
  version: number;
  release: string;
  /** Its script: only pages of the same script can join it. */
  script: string;
  generation: number;
  /** True when several pages can join it. */
  shared: boolean;
}

type Message =
  | { kind: 'who'; from: string }
  | { kind: 'holder'; to: string; holder: HostInfo }
  | { kind: 'yield'; to: string; reason: Reason };

/** Reason for which a host has to give the wallet up. */
export type Reason = 'newer' | 'takeOver';

/** The broadcast among hosts; the tests have their own. */
export interface Bus {
  postMessage(message: unknown): void;
  onmessage: ((event: MessageEvent) => void) | null;
}

/** Maximum wait, in ms, for the holder of a wallet to say who it is. A frozen one does not. */
const ANSWER_MS = 400;

/** Asks and answers on the broadcast. */
export class Siblings {
  /** Set by the host: whether it holds the wallet, and what to do when it shall give it up. */
  holds: () => boolean = () => false;
  onYield: (reason: Reason) => void = () => {};

  readonly #bus: Bus;
  readonly #self: HostInfo;
  #onHolder: (holder: HostInfo) => void = () => {};

  constructor(bus: Bus, self: HostInfo) {
    this.#bus = bus;
    this.#self = self;
    bus.onmessage = ({ data }) => this.#receive(data as Partial<Message> | null);
  }

  /** Finds the host that holds the wallet; `null` when none answers. */
  holder(): Promise<HostInfo | null> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), ANSWER_MS);
      this.#onHolder = (holder) => {
        clearTimeout(timer);
        resolve(holder);
      };
      this.#post({ kind: 'who', from: this.#self.id });
    });
  }

  /** Asks a holder to finish its step and give the wallet up. */
  askToYield(holder: HostInfo, reason: Reason): void {
    this.#post({ kind: 'yield', to: holder.id, reason });
  }

  #post(message: Message): void {
    this.#bus.postMessage(message);
  }

  #receive(message: Partial<Message> | null): void {
    switch (message?.kind) {
      case 'who':
        if (this.holds() && typeof message.from === 'string') {
          this.#post({ kind: 'holder', to: message.from, holder: this.#self });
        }
        break;
      case 'holder':
        if (message.to === this.#self.id && message.holder !== undefined) this.#onHolder(message.holder);
        break;
      case 'yield':
        if (message.to === this.#self.id && this.holds())
          this.onYield(message.reason === 'newer' ? 'newer' : 'takeOver');
        break;
    }
  }
}
