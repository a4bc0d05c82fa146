// <amplet-pay> in a page with a strict policy: what is seen, pressed and read out.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, test } from 'vitest';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import type { PayElement } from '../../src/pay.ts';
import { launch } from './site.ts';

const INVOICE = `lnbcrt10u1${'q'.repeat(250)}`;
const CSP = "default-src 'none'; script-src 'self'";

let browser: Browser;
let script: string;
const server = createServer((request, response) => {
  const isScript = request.url === '/pay.js';
  response.writeHead(200, {
    'content-type': isScript ? 'text/javascript' : 'text/html',
    'content-security-policy': CSP,
  });
  response.end(
    isScript
      ? script
      : `<!doctype html><title>t</title><script type="module" src="/pay.js"></script><amplet-pay invoice="${INVOICE}"></amplet-pay>`,
  );
});

beforeAll(async () => {
  const { outputFiles } = await build({
    stdin: { contents: "import { definePay } from './src/pay.ts'; definePay(); definePay();", resolveDir: '.' },
    bundle: true,
    write: false,
    format: 'esm',
  });
  script = outputFiles[0]!.text;
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  server.close();
});

/** A page with the element; `prepare` runs before its scripts. Whatever the policy or a script complains about is in `complaints`. */
async function opened(work: (page: Page) => Promise<void>, prepare?: () => void): Promise<void> {
  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  try {
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
    if (prepare) await page.addInitScript(prepare);
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    await page.getByRole('status').waitFor();
    await work(page);
    assert.deepEqual(
      complaints.filter((text) => !text.includes('favicon')),
      [],
    );
  } finally {
    await context.close();
  }
}

const change = (page: Page, given: Partial<Pick<PayElement, 'invoice' | 'state'>>) =>
  page.evaluate((values) => void Object.assign(document.querySelector('amplet-pay')!, values), given);

test('without a wallet in the page: a code, a link, a copy, a state that is read out', () =>
  opened(async (page) => {
    await page.getByRole('img', { name: 'QR code of the invoice' }).waitFor();
    const link = page.getByRole('link', { name: 'Open in a wallet' });
    assert.equal(await link.getAttribute('href'), `lightning:${INVOICE}`);
    for (const control of [link, page.getByRole('button', { name: 'Copy the invoice' })])
      assert.ok(((await control.boundingBox())?.height ?? 0) >= 44);
    assert.equal(await page.getByRole('status').textContent(), 'Waiting for the payment');
    await page.getByRole('button', { name: 'Copy the invoice' }).click();
    await page.getByRole('button', { name: 'Copied' }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), INVOICE);
    await change(page, { state: 'paid' });
    assert.equal(await page.getByRole('status').textContent(), 'Paid');
    assert.equal(await page.getByRole('img').count(), 0);
    await change(page, { invoice: INVOICE.replace('10u', '20u') });
    assert.equal(await page.getByRole('status').textContent(), 'Waiting for the payment');
    assert.equal(await page.getByRole('img').count(), 1);
  }));

test('with one it pays, says so, and can be tried again', () =>
  opened(
    async (page) => {
      await page.evaluate(() => {
        Object.assign(globalThis, { heard: [], fail: true });
        const { heard } = globalThis as unknown as { heard: unknown[] };
        addEventListener('error', (event) => event.preventDefault());
        addEventListener('amplet-sent', ({ detail }: CustomEventInit<{ preimage: string }>) =>
          heard.push(detail?.preimage),
        );
        addEventListener('amplet-paid', () => heard.push('paid'));
      });
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.getByText('The payment failed').waitFor();
      await page.evaluate(() => Object.assign(globalThis, { fail: false }));
      await page.getByRole('button', { name: 'Pay' }).click();
      await page.getByText('Paid').waitFor();
      const heard = await page.evaluate(() => (globalThis as unknown as { heard: unknown[] }).heard);
      assert.deepEqual(heard, ['ab', 'paid']);
    },
    () => {
      const sendPayment = async () => {
        if ((globalThis as unknown as { fail: boolean }).fail) throw new Error('the user said no');
        return { preimage: 'ab' };
      };
      Object.assign(globalThis, { webln: { enable: async () => {}, sendPayment } });
    },
  ));

test('it waits as the page has it wait, for this invoice only', () =>
  opened(async (page) => {
    const asked = await page.evaluate(async () => {
      const old = document.querySelector('amplet-pay')!;
      const pay = document.createElement('amplet-pay') as PayElement;
      const seen: string[] = [];
      pay.watch = (invoice, signal) => {
        seen.push(invoice);
        signal.addEventListener('abort', () => seen.push(`not ${invoice}`));
        return invoice === 'lnbc2' ? Promise.resolve('expired') : new Promise(() => {});
      };
      pay.invoice = 'lnbc1';
      old.replaceWith(pay);
      await new Promise((done) => setTimeout(done));
      pay.invoice = 'lnbc2';
      await new Promise((done) => setTimeout(done));
      return [...seen, pay.state];
    });
    assert.deepEqual(asked, ['lnbc1', 'not lnbc1', 'lnbc2', 'expired']);
    assert.equal(await page.getByRole('status').textContent(), 'This invoice has expired');
  }));
