/** Our provider in a page, our fetch, and servers on this machine: what public libraries are run against. */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished, vi } from 'vitest';
import {
  type PayingFetchOptions,
  Receipts,
  type SiteReply,
  SiteHost,
  type Webln,
  installWebln,
  payingFetch,
} from '../../src/provider.ts';
import { pageWindow } from './site-page.ts';
import { FakeStore, FakeWallet, NOW, User, SHOP } from './site-fakes.ts';

/** A page with our provider, its wallet behind the host. */
export function page() {
  const wallet = new FakeWallet();
  wallet.budgets.set('https://shop.example https://shop.example', 1_000_000n);
  const user = new User();
  const host = new SiteHost({ wallet, ask: user.ask, version: '1', now: () => NOW });
  let receive: (message: SiteReply) => void = () => {};
  const target = pageWindow();
  const webln: Webln = installWebln({
    transport: {
      post: (call) => void host.handle(SHOP, structuredClone(call)).then((reply) => receive(structuredClone(reply!))),
      listen: (listener) => (receive = listener),
    },
    info: { name: 'Amplet', icon: 'data:,', rdns: 'org.amplet' },
    target,
  });
  const payInvoice = async ({ invoice }: { invoice: string }) => {
    await webln.enable();
    return (await webln.sendPayment(invoice)) as { preimage: string };
  };
  return { wallet, user, webln, payInvoice };
}

/** Our fetch with a wallet of its own. */
export function client(wallet: FakeWallet, more: Partial<PayingFetchOptions> = {}) {
  const payer: PayingFetchOptions['payer'] = {
    inspect: (invoice) => wallet.inspect(invoice),
    lookup: (hash) => wallet.lookup(hash),
    pay: async (invoice) =>
      wallet.pay(await wallet.inspect(invoice), { maxFeeMsat: 0n, authorization: { holder: { kind: 'user' } } }),
  };
  const store = new FakeStore();
  return {
    paying: payingFetch({ payer, store, maxCostMsat: 20_000n, now: () => NOW, ...more }),
    receipts: new Receipts(store),
  };
}

/** What a request is answered by. */
export type Handler = (request: Request) => Promise<Response>;

/** Answers requests on this machine until the test ends. */
export async function serve(handler: Handler): Promise<string> {
  const server = createServer((incoming, outgoing) => {
    const headers = Object.entries(incoming.headers).map(([name, value]) => [name, String(value)] as [string, string]);
    const request = new Request(`${origin}${incoming.url}`, { method: incoming.method ?? 'GET', headers });
    const broken = (error: unknown) => new Response(String(error), { status: 500 });
    void handler(request)
      .catch(broken)
      .then(async (response) => {
        outgoing.writeHead(response.status, [...response.headers].flat());
        outgoing.end(Buffer.from(await response.arrayBuffer()));
      });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return origin;
}

/** Has the environment's fetch answer by `handler` until the test ends. */
export function answerBy(handler: Handler): void {
  const fetch = vi.spyOn(globalThis, 'fetch').mockImplementation((input, init) => handler(new Request(input, init)));
  onTestFinished(() => fetch.mockRestore());
}

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';

/** A signature from which some key can be recovered: r is the generator's x, s is 1. */
const SIGNATURE = `79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798${'1'.padStart(64, '0')}00`;

/** BOLT 11 as libraries decode it: of an amount in sat, with a payment hash, signed by nobody. Good from {@link NOW} for an hour. */
export function bolt11(paymentHash: string, sat: bigint): string {
  const prefix = `lnbcrt${sat * 10n}n`;
  const word = (number: number, count: number) =>
    Array.from({ length: count }, (_, at) => Math.floor(number / 32 ** (count - 1 - at)) % 32);
  const fives = (hex: string) => {
    const bits = Array.from(Buffer.from(hex, 'hex'), (byte) => byte.toString(2).padStart(8, '0')).join('');
    return bits
      .padEnd(Math.ceil(bits.length / 5) * 5, '0')
      .match(/.{5}/g)!
      .map((five) => Number.parseInt(five, 2));
  };
  // Time; payment hash (p, 52 words); description (d): "tea"; signature.
  const words = [
    ...word(NOW / 1000, 7),
    1,
    1,
    20,
    ...fives(paymentHash),
    13,
    0,
    5,
    14,
    17,
    18,
    22,
    2,
    ...fives(SIGNATURE),
  ];
  const codes = Array.from(prefix, (char) => char.charCodeAt(0));
  const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
  const sum =
    [...codes.map((code) => code >> 5), 0, ...codes.map((code) => code & 31), ...words, 0, 0, 0, 0, 0, 0].reduce(
      (old, next) => {
        const shifted = ((old & 0x1ffffff) << 5) ^ next;
        return generator.reduce((part, term, bit) => (((old >> 25) >> bit) & 1 ? part ^ term : part), shifted);
      },
      1,
    ) ^ 1;
  const checksum = [25, 20, 15, 10, 5, 0].map((shift) => (sum >> shift) & 31);
  return `${prefix}1${[...words, ...checksum].map((at) => ALPHABET[at]).join('')}`;
}

/** Issues an invoice that libraries can decode. */
export function issueReal(wallet: FakeWallet, sat: bigint): string {
  const made = wallet.issue(sat * 1000n);
  const details = wallet.invoices.get(made)!;
  const invoice = bolt11(details.paymentHash, sat);
  wallet.invoices.set(invoice, { ...details, invoice });
  return invoice;
}
