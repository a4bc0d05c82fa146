/** Types that {@link WalletStreams} works with and shows. */

import type { Authorization } from '../../base/protocol.ts';
import type { Site, Store, StreamRequest, WalletFailure } from '../types.ts';
import type { StreamReport } from '../wire.ts';

/** State of a stream of the wallet, as far as it is used. */
export interface StreamStateLike {
  /** Amount that the payee has received, in msat. */
  readonly paidMsat: bigint;
  /** Amount in flight, in msat; without it, nothing is. */
  readonly pendingMsat?: bigint | undefined;
  /** Amount used and neither paid nor in flight, in msat. */
  readonly owedMsat: bigint;
  /** Reason for which it does not run; `null` while it runs, and after its end. */
  readonly paused: 'caller' | 'hidden' | 'offline' | 'budget' | 'failing' | 'credit' | null;
  /** Why payments fail, as in a `WalletError`; without it, nothing is known. */
  readonly error?: Pick<WalletFailure, 'code'> | null | undefined;
  /** True when it has ended. */
  readonly ended: boolean;
}

/** A stream of the wallet (`wallet.stream()`), as far as it is used. */
export interface StreamLike {
  /** Its id in the history. */
  readonly id: string;
  /** Its state now. */
  readonly state: StreamStateLike;
  /** Calls `listener` with each change of its state, now first. Returns a function that ends that. */
  onChange(listener: (state: StreamStateLike) => void): () => void;
  /** Uses so many units more. Resolves when the credit covers them; rejects with a `WalletError` when they are not charged. */
  add(units: bigint): Promise<void>;
  /** Pauses it; what is owed is paid. */
  pause(): void;
  /** Goes on. */
  resume(): void;
  /** Settles and ends it. Rejects with a `WalletError` when the wallet ended before. */
  stop(): Promise<unknown>;
}

/** An open stream of the wallet, whoever drives it, as far as it is used: a record of the history. */
export interface StreamLineLike {
  /** Its id in the history. */
  readonly id: string;
  /** `outbound` when this wallet pays. */
  readonly direction: 'inbound' | 'outbound';
  /** Node id in hex. */
  readonly payee: string | null;
  /** The `session` that is paid, and whether the record is still `open`. */
  readonly stream?: { readonly session: string; readonly open: boolean } | undefined;
}

/** Starter of streams: a `Wallet` is one. Every method rejects with a `WalletError`. */
export interface StreamStarter {
  /**
   * Starts one `to` a `nodeId` (hex), which named the `session`; `ratePerSecondMsat`, `unitMsat` and `creditMsat` are its
   * terms, `authorization` names the budget that
   * pays, and `pauseWhenHidden` whether it pauses while the page that it runs in is hidden. `usedMsat`: what an earlier run of its
   * record saw used; what is missing of it is paid.
   */
  stream(options: {
    /** Node id in hex, and the name of the session: `nodeId`, `session`. */
    to: { nodeId: string; session: string };
    ratePerSecondMsat: bigint;
    unitMsat: bigint;
    creditMsat: bigint;
    authorization: Authorization;
    pauseWhenHidden: boolean;
    usedMsat?: bigint | undefined;
  }): Promise<StreamLike>;
  /** The open streams, also those of an earlier run, which nobody drives. */
  streams(): Promise<readonly StreamLineLike[]>;
  /** Ends one of them as it is. */
  closeStream(id: string): Promise<unknown>;
}

/** A stream as the user sees it. */
export interface OpenStream {
  /** The site that is paid. */
  readonly site: Site;
  /** On what terms. */
  readonly request: StreamRequest;
  /** Its state. */
  readonly report: StreamReport;
  /** True when the user paused it. */
  readonly byUser: boolean;
  /** True when no page uses it any more: it ends when what is owed is paid. */
  readonly gone: boolean;
}

/** Parts and options of {@link WalletStreams}. */
export interface WalletStreamsOptions {
  /** The wallet that is open now; throws an error with the code `closed` while it is locked. */
  readonly open: () => StreamStarter;
  /** Returns what the site's budget leaves, as `SiteWallet` does: a site without a budget has no streams. Rejects as that does. */
  readonly budgetLeftMsat: (site: Site) => Promise<bigint | null>;
  /**
   * The wallet's own store (`SiteWallet.store`), for what was used, so that nothing stays unpaid when the browser ends. With it
   * {@link WalletStreams.resume} is to be called each time the wallet was opened; without it streams end with their wallet.
   */
  readonly store?: Store | undefined;
  /** Milliseconds since the UNIX epoch; by default the environment's clock. */
  readonly now?: (() => number) | undefined;
  /** Calls `work` every so many milliseconds; returns a function that ends that. By default the environment's timer. */
  readonly every?: ((ms: number, work: () => void) => () => void) | undefined;
}
