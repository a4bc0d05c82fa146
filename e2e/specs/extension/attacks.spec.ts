/** Attacks by hostile pages. */

import { expect, test, type CDPSession, type Page } from '@playwright/test';
import { fundedBrowser, giveBudget, popupOver, press, promptOf, refusingAll, webln } from '../../lib/extension-wallet';
import type { ExtensionBrowser } from '../../lib/extension';
import { Network } from '../../lib/network.mjs';
import { PASSPHRASE } from '../../lib/places';
import { Site } from '../../lib/site';
import { sha256 } from '../../lib/wallet-page.mjs';

test.describe.configure({ mode: 'serial' });

let network: Network;
let browser: ExtensionBrowser;
let site: Site;
let page: Page;

test.beforeAll(async () => {
  network = new Network();
  site = await Site.start();
  browser = await fundedBrowser(network);
  page = await browser.context.newPage();
  await page.goto(site.origin());
});

test.afterAll(async () => {
  await browser?.close();
  await site?.stop();
});

interface Paid {
  preimage: string;
}
type Refused = { error: string; message: string };
const isPaid = (answer: Paid | Refused): answer is Paid => 'preimage' in answer;

/** Invoices of the gateway, a few at a time. */
async function invoices(count: number, msat: bigint): Promise<string[]> {
  const made: string[] = [];
  while (made.length < count) {
    const some = await Promise.all(
      Array.from({ length: Math.min(10, count - made.length) }, () => network.gatewayInvoice(msat)),
    );
    made.push(...some.map(({ invoice }) => invoice));
  }
  return made;
}

/** A page that asks to be enabled by itself, and again with each click on its button. */
const ASKING = `<h1>Asking</h1><button>Connect</button><p></p><script>
  const say = (text) => (document.querySelector('p').textContent = text);
  const ask = () => webln.enable().then(() => say('enabled'), (error) => say(error.name));
  document.querySelector('button').onclick = () => (say(''), ask());
  webln.isEnabled().then((is) => (is ? say('enabled by the page around it') : ask()));
</script>`;

test('another origin in a frame is another site, and asks in answer to a click only', async () => {
  await giveBudget(browser, page, 1_000, 500);
  site.page('/asking', ASKING);
  const { port } = new URL(site.origin());
  site.page('/around', `<h1>Around</h1><iframe title="other" src="http://localhost:${port}/asking"></iframe>`);
  await page.goto(`${site.origin()}/around`);
  expect(await webln(page, 'isEnabled'), 'the page has a budget').toBe(true);
  const frame = page.frameLocator('iframe');
  await expect(frame.getByText('RejectionError'), 'nobody touched it').toBeVisible();
  expect(await browser.asking()).toBeUndefined();
  await frame.getByRole('button', { name: 'Connect' }).click();
  const prompt = await promptOf(browser);
  await expect(prompt.getByTestId('site')).toHaveAttribute('data-origin', site.origin('localhost'));
  await expect(prompt.getByTestId('site')).toHaveAttribute('data-top', site.origin());
  await expect(prompt.getByText(/in a frame on 127\.0\.0\.1/)).toBeVisible();
  await press(prompt, 'Reject');
  await expect(frame.getByText('RejectionError')).toBeVisible();
});

test('a sandboxed frame and a page that names another origin are nobody', async () => {
  // It has no `webln`; what runs beside it hears it all the same.
  site.page(
    '/boxed',
    `<script>
      addEventListener('message', ({ data }) => {
        const { ok, error } = data['amplet:answer'] ?? {};
        if (ok !== undefined) parent.postMessage(ok ? 'enabled' : error.name, '*');
      });
      if (typeof webln === 'undefined')
        postMessage({ 'amplet:call': { amplet: 1, id: 1, method: 'enable', params: {} } }, '*');
    </script>`,
  );
  site.page(
    '/sandbox',
    '<script>addEventListener(\'message\', ({ data }) => typeof data === \'string\' && (document.title = data))</script><iframe title="boxed" sandbox="allow-scripts" src="/boxed"></iframe>',
  );
  await page.goto(`${site.origin('localhost')}/sandbox`);
  await expect(page).toHaveTitle('RejectionError');
  const [invoice = ''] = await invoices(1, 10_000n);
  const reply = await page.evaluate(
    ([text, victim]) =>
      new Promise((resolve) => {
        addEventListener(
          'message',
          ({ data }) => data?.['amplet:answer']?.id === 4711 && resolve(data['amplet:answer']),
        );
        const call = {
          amplet: 1,
          id: 4711,
          method: 'sendPayment',
          params: { paymentRequest: text },
          origin: victim,
          sender: { origin: victim },
        };
        postMessage({ 'amplet:call': call, origin: victim }, '*');
      }),
    [invoice, site.origin()] as const,
  );
  expect(reply).toMatchObject({ ok: false, error: { name: 'RejectionError' } });
  expect(browser.context.pages().some((open) => open.url().includes('approve.html'))).toBe(false);
});

test('a page that rewrites window.webln harms itself only', async () => {
  await page.goto(site.origin());
  await page.evaluate(() => {
    const forged = { enable: async () => ({}), sendPayment: async () => ({ preimage: '00'.repeat(32) }) };
    Object.assign(window, { webln: forged });
    window.postMessage = () => undefined;
    Promise.prototype.then = () => new Promise(() => undefined);
  });
  const other = await browser.context.newPage();
  await other.goto(site.origin());
  const { invoice, paymentHash } = await network.gatewayInvoice(10_000n);
  const paid = await webln<Paid>(other, 'sendPayment', invoice);
  expect(isPaid(paid) && sha256(paid.preimage)).toBe(paymentHash);
  await other.close();
});

test('pages cannot reach the extension, nor can what runs beside them reach more than a site may', async () => {
  await page.goto(site.origin());
  const reached = await page.evaluate(async (base) => {
    const found: string[] = [];
    const { chrome } = window as unknown as { chrome?: { runtime?: { sendMessage?: unknown } } };
    if (chrome?.runtime?.sendMessage !== undefined) found.push('messages');
    for (const file of ['manifest.json', 'approve.html', 'config.json']) {
      if (
        await fetch(base + file).then(
          () => true,
          () => false,
        )
      )
        found.push(file);
    }
    return found;
  }, browser.base);
  expect(reached).toEqual([]);

  const session = await browser.context.newCDPSession(page);
  const beside = await contentScript(session, browser.base);
  const said = await evaluateIn(
    session,
    beside,
    `(async () => {
      const ask = (message) => chrome.runtime.sendMessage(message).then((answer) => answer ?? null, (error) => 'refused');
      const answers = [];
      for (const message of [
        { to: 'browser', ask: 'key' },
        { to: 'browser', ask: 'locked' },
        { to: 'browser', ask: 'prompt' },
        { to: 'walletHost', ask: 'unlocked' },
        { to: 'walletHost', ask: 'receipts' },
        { to: 'walletHost', ask: 'update' },
      ]) answers.push(await ask(message));
      const storage = await (chrome.storage?.session?.get('unlockKey') ?? Promise.reject()).then((found) => Object.keys(found).length, () => 'refused');
      return JSON.stringify({ answers, storage });
    })()`,
  );
  const { answers, storage } = JSON.parse(said) as { answers: unknown[]; storage: unknown };
  expect(answers.every((answer) => answer === null || answer === 'refused')).toBe(true);
  expect(storage).toBe('refused');
  expect(await webln(page, 'isEnabled'), 'the wallet is still open').toBe(true);

  // It answers no question in the user's place.
  const paying = webln<Paid>(page, 'sendPayment', (await invoices(1, 900_000n))[0]);
  const prompt = await promptOf(browser);
  await expect(prompt.getByTestId('amount')).toBeVisible();
  await evaluateIn(
    session,
    beside,
    `new Promise((done) => {
      const port = chrome.runtime.connect({ name: 'approve' });
      for (let id = 0; id < 100; id += 1) port.postMessage({ id, answer: { allowed: true } });
      setTimeout(() => done('sent'), 300);
    })`,
  );
  await expect(prompt.getByTestId('amount')).toBeVisible();
  await press(prompt, 'Reject');
  expect(await paying).toMatchObject({ error: 'RejectionError' });
  await session.detach();
});

test('a yes counts only in a window that was looked at, and pays what it shows', async () => {
  const { invoice: shown, paymentHash } = await network.gatewayInvoice(700_000n);
  const [other = ''] = await invoices(1, 700_000n);
  const paying = page.evaluate(
    ([first, second]) =>
      new Promise((resolve) => {
        addEventListener(
          'message',
          ({ data }) => data?.['amplet:answer']?.id === 815 && resolve(data['amplet:answer']),
        );
        const call = (paymentRequest: string) =>
          postMessage(
            { 'amplet:call': { amplet: 1, id: 815, method: 'sendPayment', params: { paymentRequest } } },
            '*',
          );
        call(first);
        // The same number, another invoice, while the user reads.
        setTimeout(() => call(second), 200);
      }),
    [shown, other] as const,
  );
  const prompt = await promptOf(browser);
  const yes = prompt.getByRole('button', { name: 'Pay', exact: true });
  await expect(yes).toBeEnabled();
  await prompt.setViewportSize({ width: 200, height: 200 });
  await expect(yes).toBeDisabled();
  await prompt.setViewportSize({ width: 420, height: 720 });
  await expect(yes).toBeEnabled();
  await yes.click();
  const reply = (await paying) as { ok: boolean; result: Paid };
  expect(reply, JSON.stringify(reply)).toMatchObject({ ok: true });
  // The second one is a question of its own.
  await press(await promptOf(browser), 'Reject');
  expect(sha256(reply.result.preimage)).toBe(paymentHash);
});

test('locked: only a page that asks to be enabled raises the window, no call of another and no frame', async () => {
  const popup = await browser.open('popup.html');
  await popup.getByRole('button', { name: 'Lock' }).click();
  await popup.close();
  const visitor = await browser.context.newPage();
  await visitor.goto(site.origin('localhost'));
  for (const method of ['getInfo', 'getBalance', 'sendPayment'])
    expect(await webln(visitor, method, 'x'), method).toMatchObject({ error: expect.stringMatching(/Error$/) });
  await visitor.goto(`${site.origin()}/around`);
  const frame = visitor.frameLocator('iframe');
  await expect(frame.getByText('ConnectionError')).toBeVisible();
  await frame.getByRole('button', { name: 'Connect' }).click();
  await expect(frame.getByText('ConnectionError')).toBeVisible();
  expect(await browser.asking()).toBeUndefined();
  const enabled = webln(visitor, 'enable');
  const prompt = await promptOf(browser);
  await prompt.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await prompt.getByRole('button', { name: 'Unlock' }).click();
  expect(await enabled).toMatchObject({ enabled: true });
  await visitor.close();
});

test('a page that nobody sees yet raises no window', async () => {
  const visitor = await browser.context.newPage();
  await visitor.goto(site.origin('localhost'));
  // As the browser says it of a tab behind another; Playwright has them all seem visible.
  const session = await browser.context.newCDPSession(visitor);
  const beside = await contentScript(session, browser.base);
  const sees = (state: string): Promise<string> =>
    evaluateIn(
      session,
      beside,
      `Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true });
       document.dispatchEvent(new Event('visibilitychange'));`,
    );
  await sees('hidden');
  const enabled = webln(visitor, 'enable');
  expect(await webln(visitor, 'isEnabled'), 'the wallet has heard it').toBe(false);
  // What is asked next would be asked after it.
  const shop = await Site.start();
  const other = await browser.context.newPage();
  await other.goto(shop.origin());
  const asked = webln(other, 'enable');
  const first = await promptOf(browser);
  await expect(first.getByTestId('site')).toHaveAttribute('data-origin', shop.origin());
  await expect(first.getByTestId('waiting')).toHaveCount(0);
  await press(first, 'Reject');
  await asked;
  await other.close();
  await shop.stop();
  await sees('visible');
  await press(await promptOf(browser), 'Reject');
  expect(await enabled).toMatchObject({ error: 'RejectionError' });
  await visitor.close();
});

test('whoever asks and asks is not heard', async () => {
  const quiet = await browser.context.newPage();
  await quiet.goto(site.origin('localhost'));
  const many = quiet.evaluate(() => {
    const { webln: provider } = window as unknown as { webln: { enable(): Promise<unknown> } };
    return Promise.all(
      Array.from({ length: 50 }, () =>
        provider.enable().then(
          () => 'enabled',
          (error: Error) => error.name,
        ),
      ),
    );
  });
  const prompt = await promptOf(browser);
  await expect(prompt.getByRole('button', { name: 'Reject' })).toBeVisible();
  await expect(prompt.getByTestId('waiting')).toHaveCount(0);
  await prompt.close();
  expect(new Set(await many)).toEqual(new Set(['RejectionError']));
  await quiet.close();
});

test('a hundred payments at once against a budget for ten: ten leave', async () => {
  test.setTimeout(900_000); // ninety windows are opened and closed, one after the other
  const shop = await Site.start();
  try {
    const visitor = await browser.context.newPage();
    await visitor.goto(shop.origin());
    // Room for ten times 1,000 sat, and for the greatest fee (50 sat) of the last of them.
    await giveBudget(browser, visitor, 10_050, 1_100);
    const all = await invoices(100, 1_000_000n);
    const pay = (texts: string[]) =>
      visitor.evaluate((list) => {
        const { webln: provider } = window as unknown as { webln: { sendPayment(text: string): Promise<Paid> } };
        return Promise.all(
          list.map((text) =>
            provider.sendPayment(text).catch((error: Error) => ({ error: error.name, message: error.message })),
          ),
        );
      }, texts);
    const atOnce = await refusingAll(browser, pay(all));
    const paid = atOnce.filter(isPaid).length;
    expect(paid).toBeGreaterThan(0);
    expect(paid).toBeLessThanOrEqual(10);
    let total = paid;
    for (const text of await invoices(11 - paid, 1_000_000n)) {
      const [answer] = await refusingAll(browser, pay([text]));
      if (answer !== undefined && isPaid(answer)) total += 1;
    }
    expect(total).toBe(10);
    const popup = await popupOver(browser, visitor);
    await expect(popup.getByTestId('budget-left')).toHaveAttribute('data-msat', '50000');
    await popup.close();
    await visitor.close();
  } finally {
    await shop.stop();
  }
});

/** The world of the extension's content script in a page. */
async function contentScript(session: CDPSession, base: string): Promise<number> {
  const found = new Promise<number>((resolve) =>
    session.on('Runtime.executionContextCreated', ({ context }) => {
      if (`${context.origin}/` === base) resolve(context.id);
    }),
  );
  await session.send('Runtime.enable');
  return found;
}

async function evaluateIn(session: CDPSession, contextId: number, expression: string): Promise<string> {
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
    contextId,
    expression,
    awaitPromise: true,
    returnByValue: true,
  });
  if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return String(result.value);
}
