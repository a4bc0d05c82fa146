/** Pages that cost money: dealt with in the tab in front only, and no longer than the page is there. */

import { SiteHost, type Decision, type NavigationResponse, type PromptRequest } from 'amplet/provider';
import { expect, test } from 'vitest';
import { FakeWallet } from '../../../pkg/test/unit/site-fakes.ts';
import { Pages } from '../../src/wallet-host/pages.ts';

const PAGE = 'https://news.example/today';

/** A wallet host that deals with pages; `asked` are its questions. */
function world({ budget = false } = {}) {
  const wallet = new FakeWallet();
  if (budget) wallet.budgets.set('https://news.example https://news.example', 1_000_000n);
  const asked: { request: PromptRequest; decide: (decision: Decision) => void; withdrawn: boolean }[] = [];
  const ask = (request: PromptRequest, signal: AbortSignal) =>
    new Promise<Decision>((decide) => {
      const question = { request, decide, withdrawn: false };
      asked.push(question);
      signal.addEventListener('abort', () => {
        question.withdrawn = true;
        decide({ allowed: false });
      });
    });
  const host = new SiteHost({ wallet, ask, version: '1' });
  const steps: string[] = [];
  const runTask = async (task: { ask: string; step?: { do: string } }) => void steps.push(task.step?.do ?? task.ask);
  const pages = new Pages(host, wallet, { unlocked: async () => true }, runTask);
  const response = (more: Partial<NavigationResponse> = {}): NavigationResponse => {
    const headers = [
      {
        name: 'www-authenticate',
        value: `L402 token="t", invoice="${wallet.issue(10_000n, { expiresMs: Infinity })}"`,
      },
    ];
    return { tabId: 1, url: PAGE, method: 'GET', statusCode: 402, type: 'main_frame', headers, ...more };
  };
  return { wallet, asked, steps, pages, response };
}

const settled = () => new Promise((done) => setTimeout(done, 20));

test('a question ends with its page: the tab loads something else', async () => {
  const { pages, response, asked, wallet } = world();
  void pages.observe(response(), 'inFront');
  await settled();
  expect(asked).toHaveLength(1);
  pages.tabLeft(1, `${PAGE}#comments`); // the page itself, shown
  pages.tabLeft(2, null); // another tab
  expect(asked[0]?.withdrawn).toBe(false);
  pages.tabLeft(1, null);
  expect(asked[0]?.withdrawn).toBe(true);
  await settled();
  expect(wallet.paid).toEqual([]);
});

test('a question ends with its page: the tab shows what it had kept', async () => {
  const { pages, response, asked } = world();
  void pages.observe(response(), 'inFront');
  await settled();
  pages.tabLeft(1, 'chrome://history/');
  expect(asked[0]?.withdrawn).toBe(true);
});

test('a page that was left before the wallet host heard of it is not asked about, nor paid', async () => {
  for (const budget of [false, true]) {
    const { pages, response, asked, wallet } = world({ budget });
    await pages.observe(response(), 'left');
    expect([asked.length, wallet.paid.length]).toEqual([0, 0]);
  }
});

test('a tab behind another waits: nothing is asked or paid before it comes to the front', async () => {
  for (const budget of [false, true]) {
    const { pages, response, asked, wallet } = world({ budget });
    void pages.observe(response(), 'behind');
    await settled();
    expect([asked.length, wallet.paid.length]).toEqual([0, 0]);
    pages.tabShown(1);
    await settled();
    expect([asked.length, wallet.paid.length]).toEqual(budget ? [0, 1] : [1, 0]);
  }
});

test('a tab that is closed behind another asks nothing', async () => {
  const { pages, response, asked } = world();
  const observed = pages.observe(response(), 'behind');
  pages.tabLeft(1, null);
  await observed;
  expect(asked).toEqual([]);
});

test('a 402 of another trade, and any other page, is nobody’s business', async () => {
  const { pages, response, steps } = world();
  const headers = [{ name: 'www-authenticate', value: 'Basic realm="x"' }];
  await pages.observe(response({ headers }), 'inFront');
  await pages.observe(response({ statusCode: 200, headers: [] }), 'inFront');
  expect(steps).toEqual([]);
});
