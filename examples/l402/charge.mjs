/** The HTTP "Payment" scheme with the lightning method's charge (draft-lightning-charge-00): one payment, one answer. */

import { createHash, randomBytes } from 'node:crypto';

const PROBLEMS = 'https://paymentauth.org/problems/lightning/';

/** Challenges that were not used and have not expired, at most. */
const MOST = 10_000;

/**
 * @typedef {{ echo: Record<string, string>, paymentHash: string, expiresMs: number }} Open
 * @typedef {{ status: number, type: string, title: string, detail: string }} Problem
 */

/** JSON as RFC 8785 has it for texts under sorted names, in base64url without padding. @param {object} value */
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

export class Charges {
  #realm;
  /** @type {Map<string, Open>} */
  #open = new Map();

  /** @param {string} realm */
  constructor(realm) {
    this.#realm = realm;
  }

  /**
   * The value of `WWW-Authenticate` for an invoice, whose challenge is remembered.
   *
   * @param {import('../lib/gateway.mjs').Invoice} invoice
   */
  challenge(invoice) {
    this.#forget();
    const network = invoice.invoice.startsWith('lnbcrt')
      ? 'regtest'
      : invoice.invoice.startsWith('lntbs')
        ? 'signet'
        : 'mainnet';
    const request = encode({
      amount: (BigInt(invoice.amountMsat ?? '0') / 1000n).toString(),
      currency: 'sat',
      description: invoice.description,
      methodDetails: { invoice: invoice.invoice, network, paymentHash: invoice.paymentHash },
    });
    const expiresMs = invoice.expiresAt * 1000;
    /** @type {Record<string, string>} */
    const echo = {
      id: randomBytes(16).toString('base64url'),
      realm: this.#realm,
      method: 'lightning',
      intent: 'charge',
      request,
      expires: new Date(expiresMs).toISOString().replace('.000', ''),
    };
    this.#open.set(/** @type {string} */ (echo['id']), { echo, paymentHash: invoice.paymentHash, expiresMs });
    return `Payment ${Object.entries(echo)
      .map(([name, value]) => `${name}="${value}"`)
      .join(', ')}`;
  }

  /**
   * Uses a credential up: the value of `Payment-Receipt`, or what is wrong with it.
   *
   * @param {string} token
   * @returns {{ receipt: string } | { problem: Problem }}
   */
  use(token) {
    const { id, echo, preimage } = read(token) ?? {};
    if (id === undefined || echo === undefined || preimage === undefined) {
      return wrong(
        400,
        'malformed-credential',
        'Malformed Credential',
        'Send base64url of {challenge, payload: {preimage}}.',
      );
    }
    const open = this.#open.get(id);
    const same = open && Object.entries(open.echo).every(([name, value]) => echo[name] === value);
    if (!open || !same) {
      return wrong(
        401,
        'unknown-challenge',
        'Unknown Challenge',
        'Not issued here, changed, or used already; ask again without credential.',
      );
    }
    if (open.expiresMs <= Date.now()) {
      return wrong(
        401,
        'expired-invoice',
        'Expired Invoice',
        'The challenge has expired; ask again without credential.',
      );
    }
    if (createHash('sha256').update(Buffer.from(preimage, 'hex')).digest('hex') !== open.paymentHash) {
      return wrong(401, 'invalid-preimage', 'Invalid Preimage', 'SHA-256 of the preimage is not the payment hash.');
    }
    this.#open.delete(id);
    const timestamp = new Date().toISOString();
    return {
      receipt: encode({
        challengeId: id,
        method: 'lightning',
        reference: open.paymentHash,
        status: 'success',
        timestamp,
      }),
    };
  }

  #forget() {
    for (const [id, open] of this.#open) {
      if (open.expiresMs > Date.now() && this.#open.size < MOST) break;
      this.#open.delete(id);
    }
  }
}

/** @param {string} token */
function read(token) {
  try {
    const { challenge, payload } = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    const fits = typeof challenge?.id === 'string' && /^[0-9a-f]{64}$/.test(payload?.preimage);
    return fits ? { id: String(challenge.id), echo: challenge, preimage: String(payload.preimage) } : null;
  } catch {
    return null;
  }
}

/**
 * @param {number} status
 * @param {string} name
 * @param {string} title
 * @param {string} detail
 */
const wrong = (status, name, title, detail) => ({ problem: { type: PROBLEMS + name, title, status, detail } });
