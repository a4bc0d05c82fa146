/** What the pretended engine reads in a text. */

import type { Balance, Inspected } from 'amplet';
import { WalletError } from './fake-error.ts';
import * as samples from './samples.ts';

/** `amountMsat`: what the user chose, for an invoice without an amount. */
export function inspected(text: string, amountMsat: bigint | null, { spendableMsat }: Balance): Inspected {
  if (text.startsWith('lno1')) return { type: 'unsupported', others: [samples.OFFER] };
  const onchain = { type: 'onchain', network: 'signet', label: null, problem: null } as const;
  if (text.startsWith('bitcoin:'))
    return { ...onchain, address: samples.ADDRESS, amountSat: 1_000n, others: [samples.OFFER] };
  if (text.startsWith('bcrt1')) return { ...onchain, address: text, amountSat: null, others: [] };
  if (!text.startsWith('ln'))
    throw new WalletError(
      'invalidPaymentRequest',
      'This is neither a BOLT 11 invoice nor a bitcoin address. Copy it again, whole.',
    );
  const stated = text.includes('any') ? null : 25_000_000n;
  const refused = (code: 'alreadyPaid' | 'expired' | 'insufficientBalance') => ({
    code,
    message: samples.engineText(code),
    causes: [],
  });
  const problem = text.includes('old')
    ? refused('expired')
    : text.includes('again')
      ? refused('alreadyPaid')
      : (stated ?? amountMsat ?? 0n) > spendableMsat
        ? refused('insufficientBalance')
        : null;
  return {
    type: 'bolt11',
    network: 'signet',
    invoice: text,
    payee: samples.PAYEE,
    amountMsat: stated,
    description: 'Two coffees and a slice of cake',
    paymentHash: samples.id(61),
    amp: text.includes('amp'),
    expiresAt: samples.now() + 245n,
    expectedFeeMsat: 26_000n,
    maxFeeMsat: 41_000n,
    problem,
    askedMsat: null,
    others: [],
  };
}
