// @getalby/bitcoin-connect, as a shop loads it, with our provider in the page and its host on the other side of the border.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, test } from 'vitest';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import type * as BitcoinConnect from '@getalby/bitcoin-connect';
import { SiteHost, type Webln } from '../../src/provider.ts';
import { FakeWallet, NOW, User } from '../unit/site-fakes.ts';
import { issueReal } from '../unit/interop-fakes.ts';
import { launch } from './site.ts';

const SHOP = `
  import * as bitcoinConnect from '@getalby/bitcoin-connect';
  import { installWebln } from './src/provider.ts';
  let receive;
  globalThis.provider = installWebln({
    transport: { post: (call) => void toHost(call).then((reply) => receive(reply)), listen: (listener) => (receive = listener) },
    info: { name: 'Amplet', icon: 'data:,', rdns: 'org.amplet' },
  });
  globalThis.bitcoinConnect = bitcoinConnect;
`;

declare global {
  /** What the shop's page has. */
  var bitcoinConnect: typeof BitcoinConnect;
  var provider: Webln;
}

let browser: Browser;
const server = createServer();

beforeAll(async () => {
  const bundle = await build({
    stdin: { contents: SHOP, resolveDir: process.cwd() },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    external: ['crypto'],
    write: false,
    logLevel: 'error',
  });
  const script = bundle.outputFiles[0]!.text;
  server.on('request', ({ url }, response) => {
    const [type, body] =
      url === '/shop.js'
        ? ['text/javascript', script]
        : ['text/html', '<!doctype html><title>shop</title><script type="module" src="shop.js"></script>'];
    response.writeHead(200, { 'content-type': type }).end(body);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  server.closeAllConnections();
  server.close();
});

/** A visit to the shop. */
async function visit(): Promise<{ page: Page; wallet: FakeWallet; user: User }> {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const wallet = new FakeWallet();
  const user = new User();
  const host = new SiteHost({ wallet, ask: user.ask, version: '1', now: () => NOW });
  const page = await browser.newPage();
  await page.exposeFunction('toHost', (call: unknown) =>
    host.handle({ origin, topLevelOrigin: origin, tabId: 1, frameId: 0 }, call),
  );
  await page.goto(origin);
  await page.waitForFunction(() => 'bitcoinConnect' in globalThis);
  return { page, wallet, user };
}

test('bitcoin-connect connects to our provider, and an invoice is paid through it', async () => {
  const { page, wallet, user } = await visit();
  const invoice = issueReal(wallet, 21n);
  const paid = await page.evaluate(async (asked) => {
    bitcoinConnect.init({ appName: 'shop' });
    const connected = new Promise<void>((done) => bitcoinConnect.onConnected(() => done()));
    bitcoinConnect.connect({ connectorName: 'Amplet', connectorType: 'extension.generic' });
    await connected;
    const connectedTo = await bitcoinConnect.requestProvider();
    const { preimage } = await connectedTo.sendPayment(asked);
    const { node } = await connectedTo.getInfo();
    const made = await connectedTo.makeInvoice({ amount: 5, defaultMemo: 'won' });
    return { preimage, alias: node.alias, made: made.paymentRequest };
  }, invoice);
  assert.deepEqual([paid.preimage, paid.alias], [wallet.preimageOf(invoice), 'amplet']);
  assert.equal(wallet.invoices.get(paid.made)!.amountMsat, 5_000n);
  assert.deepEqual(user.kinds, ['enable', 'payment']);
});

test('a user who does not connect is told to bitcoin-connect as a rejection', async () => {
  const { page, user } = await visit();
  user.answer = () => ({ allowed: false });
  const name = await page.evaluate(() => provider.enable().then(String, (error: Error) => error.name));
  assert.equal(name, 'RejectionError');
  assert.equal(await page.evaluate(() => provider.isEnabled()), false);
});
