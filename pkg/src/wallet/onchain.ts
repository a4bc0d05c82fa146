import type { Authorization, FeeRates, OnchainBump, OnchainSend, Request } from '../base/protocol.ts';
import { orAborted } from './abort.ts';
import { AMOUNT, FLAG, SIGNAL } from '../base/kinds.ts';
import type { Names } from '../base/named.ts';
import { amount, authorized, named, required, text } from './arguments.ts';
import { Asks } from './ask.ts';

/** Options of `wallet.bumpFee` and `wallet.cancel`. */
export interface BumpOptions {
  /** In sat per 1000 vB; by default the fast one, and more than the present one. */
  feeRate?: bigint | undefined;
  /** Only says what it would cost. */
  dryRun?: boolean | undefined;
  /** Whoever aborts it no longer waits, and finds in the history what became of it. */
  signal?: AbortSignal | undefined;
}

/** Options of `wallet.closeLostChannels`. */
export interface CloseLostOptions {
  /** False leaves them open after all. */
  close?: boolean | undefined;
}

/** Names of {@link BumpOptions}. */
const BUMP: Names<BumpOptions> = { feeRate: AMOUNT, dryRun: FLAG, signal: SIGNAL };

/** Requests of on-chain money. */
export abstract class OnchainRequests extends Asks {
  /** A fresh address for savings. */
  async newAddress(): Promise<string> {
    return this.ask({ method: 'newAddress' });
  }

  /**
   * Sends savings to an address; `'all'` leaves only the anchor reserve and deducts the fee. The payment is pending, and sent
   * again, until a block holds it; it ends as failed when all chain sources have refused it for an hour and none shows it.
   * Rejects with the outcome `open` as `pay` does.
   * @param options `feeRate` in sat per 1000 vB (by default the normal one); `dryRun` only says what it would cost;
   * `authorization`: whose budget pays, by default the user's
   * @throws {WalletError} `invalidPaymentRequest`, `wrongNetwork`, `insufficientBalance`,
   * `approvalNeeded`, `budgetRefused`
   */
  async send(
    address: string,
    amountSat: bigint | 'all',
    options?: { feeRate?: bigint | undefined; dryRun?: boolean | undefined; authorization?: Authorization | undefined },
  ): Promise<OnchainSend> {
    const names = { feeRate: AMOUNT, dryRun: FLAG, authorization: true as const };
    const { feeRate, dryRun = false, authorization } = named('send', options, names);
    return this.ask({
      method: 'send',
      address: text('address', address),
      amount: amountSat === 'all' ? { type: 'all' } : { type: 'exact', sat: required('amountSat', amountSat) },
      feeRate: amount('feeRate', feeRate),
      dryRun,
      authorization: authorized(authorization),
    });
  }

  /**
   * Makes an on-chain payment that waits for a block confirm sooner: one of this wallet is replaced (BIP 125), a deposit or a
   * channel's funding gets a child that pays for both. Its id stays the same.
   * @param options `fromAmount` takes the fee of a replacement from the amount, so that the payee gets less (`amountSat` of the
   * answer): after a payment of everything nothing else can pay it
   * @throws {WalletError} `invalidInput`, `insufficientBalance`, `budgetRefused`, `broadcastRejected`: the payment is as it was
   */
  async bumpFee(id: string, options?: BumpOptions & { fromAmount?: boolean | undefined }): Promise<OnchainBump> {
    const { fromAmount = false, ...rest } = named('bumpFee', options, { ...BUMP, fromAmount: FLAG });
    return this.#bump(rest, (id, feeRate, dryRun) => ({ method: 'bumpFee', id, feeRate, dryRun, fromAmount }), id);
  }

  /**
   * Replaces an on-chain payment that waits by one to this wallet (BIP 125). It fails with `cancelled` when that is six blocks deep.
   * @throws {WalletError} as `bumpFee`; `channelUnavailable` for a channel's funding
   */
  async cancel(id: string, options?: BumpOptions): Promise<OnchainBump> {
    return this.#bump(
      named('cancel', options, BUMP),
      (id, feeRate, dryRun) => ({ method: 'cancel', id, feeRate, dryRun }),
      id,
    );
  }

  #bump(
    { feeRate, dryRun = false, signal }: BumpOptions,
    request: (id: string, feeRate: bigint | null, dryRun: boolean) => Request,
    id: string,
  ): Promise<OnchainBump> {
    signal?.throwIfAborted();
    const asked = this.ask<OnchainBump>(request(text('id', id), amount('feeRate', feeRate), dryRun));
    return orAborted(asked, signal, (reject) => reject(signal?.reason));
  }

  /** Fee rates in sat per 1000 vB, by wanted speed. */
  async feeRates(): Promise<FeeRates> {
    return this.ask({ method: 'feeRates' });
  }

  /**
   * Asks the gateways to close the channels of earlier installations of this recovery phrase, whose storages are lost: each does once
   * that installation has stayed away for its time (usually a day). Other peers are asked a day later, while this wallet is open.
   * `status().lost` has their answers.
   */
  async closeLostChannels(options?: CloseLostOptions): Promise<void> {
    const { close = true } = named('closeLostChannels', options, { close: FLAG });
    await this.ask({ method: 'closeLostChannels', close });
  }
}
