/** What stands around the package's README's examples. */

import type { ByPassphrase, OpenBase, Wallet as AmpletWallet } from 'amplet';
import type { Receipt } from 'amplet/provider';

declare global {
  const wallet: AmpletWallet;
  const gateways: string[];
  const options: OpenBase & ByPassphrase;
  const mnemonic: string;
  const passphrase: string;
  const signal: AbortSignal;
  const text: string;
  const secret: string;
  const request: Request;
  const askTheUser: (question: object) => Promise<boolean>;
  const show: (what: unknown) => void;
  const showReceipt: (receipt: Receipt | null | undefined) => void;
}
