// What hands a budget out: a secret, the key of the wallet that pays, and the box at a gateway that its requests go to. It stands in the
// fragment of a link, which browsers do not send.

import { base64urlnopad, hex } from '@scure/base';
import { WalletError } from '../../base/error.ts';
import { must, TEXT } from '../../base/kinds.ts';
import { mailboxOrigin } from '../pairing/code.ts';
import { joined, PUBLIC_BYTES, SECRET_BYTES, type Bytes } from '../pairing/seal.ts';

/** Contents of a link. */
export interface BudgetLink {
  /** It is the holder: whoever has it spends the budget. */
  secret: Bytes;
  /** Public key of the wallet that pays. */
  publicKey: Bytes;
  /** Name of the box that this wallet takes requests from: 32 hex digits. */
  box: string;
  /** Origin of the gateway that has the box. */
  gateway: string;
}

/** Beginning of a code: it names the version. */
const PREFIX = 'budget1';
/** Bytes of a box's name. */
const BOX_BYTES = 16;

/** Writes a link's code. */
export function writeLink({ secret, publicKey, box, gateway }: BudgetLink): string {
  const name = Uint8Array.from(hex.decode(box));
  return PREFIX + base64urlnopad.encode(joined(secret, publicKey, name, new TextEncoder().encode(gateway)));
}

/**
 * Returns the code of a budget in a text, such as a link; `null`: there is none.
 * @throws {WalletError} `invalidInput`
 */
export const budgetCode = (text: string): string | null =>
  new RegExp(`${PREFIX}[\\w-]+(?=\\s*$)`).exec(must('text', text, TEXT))?.[0] ?? null;

/**
 * Reads a code, or a link with one in it.
 * @throws {WalletError} `invalidInput`
 */
export function readLink(text: string): BudgetLink {
  try {
    const bytes = Uint8Array.from(base64urlnopad.decode(budgetCode(text)?.slice(PREFIX.length) ?? ''));
    const [keyAt, boxAt, gatewayAt] = [
      SECRET_BYTES,
      SECRET_BYTES + PUBLIC_BYTES,
      SECRET_BYTES + PUBLIC_BYTES + BOX_BYTES,
    ];
    return {
      secret: bytes.slice(0, keyAt),
      publicKey: bytes.slice(keyAt, boxAt),
      box: hex.encode(bytes.slice(boxAt, gatewayAt)),
      gateway: mailboxOrigin(new TextDecoder().decode(bytes.subarray(gatewayAt))),
    };
  } catch {
    throw new WalletError('invalidInput', 'This is no link to a budget: copy the whole link, or have it shown again.');
  }
}
