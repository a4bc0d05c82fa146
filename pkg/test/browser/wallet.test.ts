import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { Site, launch, tab, visit } from './site.ts';
import type * as Amplet from '../../src/index.ts';

declare global {
  var amplet: typeof Amplet;
  var wallet: Amplet.Wallet;
}

let site: Site;
let browser: Browser;
let names = 0;

beforeAll(async () => {
  site = await Site.start();
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await site.stop();
});

interface Opening {
  name: string;
  passphrase?: string;
  create?: boolean;
  takeOver?: boolean;
  gateways?: string[];
}

/** Opens a wallet in the tab as `wallet` and says which engine it is; rejections come as `{code, message}`. */
function open(
  page: Page,
  { name, passphrase = 'correct horse', create = false, takeOver = false, gateways = [] }: Opening,
): Promise<string> {
  return page.evaluate(
    async (options) => {
      try {
        globalThis.wallet = await amplet.Wallet.open({ ...options, network: 'regtest' });
      } catch (error) {
        return error instanceof amplet.WalletError ? `refused: ${error.code}` : `strange: ${String(error)}`;
      }
      return (await wallet.status()).nodeId;
    },
    { name, passphrase, takeOver, gateways, ...(create ? { create } : {}) },
  );
}

const engine = (page: Page): Promise<string> => page.evaluate(async () => (await wallet.status()).nodeId);
const ended = (page: Page): Promise<string> => page.evaluate(async () => (await wallet.ended).code);
const work = (page: Page): Promise<bigint> => page.evaluate(async () => (await wallet.balance()).spendableMsat);

/** Runs a test with a browser profile of its own and a wallet that was just created in its first tab. */
async function withWallet(
  body: (about: { context: BrowserContext; first: Page; name: string; id: string }) => Promise<void>,
  shared = true,
): Promise<void> {
  const context = await browser.newContext();
  context.setDefaultTimeout(20_000);
  if (!shared) await context.addInitScript(() => Reflect.deleteProperty(globalThis, 'SharedWorker'));
  try {
    const first = await tab(context, site);
    const name = `w${(names += 1)}`;
    const id = await open(first, { name, create: true });
    assert.match(id, /^[0-9a-f-]{36}$/);
    await body({ context, first, name, id });
  } finally {
    await context.close();
  }
}

async function freeze(page: Page, state: 'frozen' | 'active'): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('Page.setWebLifecycleState', { state });
}

test('a wallet is created with new words, told once', () =>
  withWallet(async ({ first, name }) => {
    const words = await first.evaluate(() => [wallet.takeMnemonic(), wallet.takeMnemonic()]);
    assert.equal(words[0]?.split(' ').length, 12);
    assert.equal(words[1], null);
    assert.deepEqual(
      await first.evaluate((n) => Promise.all([amplet.Wallet.exists(n), amplet.Wallet.exists('nobody')]), name),
      [true, false],
    );
    assert.equal(await open(first, { name, create: true }), 'refused: walletExists');
    assert.equal(await open(first, { name: 'nobody' }), 'refused: walletNotFound');
  }));

test('two tabs are one wallet, live, and the first may be closed', () =>
  withWallet(async ({ context, first, name, id }) => {
    const second = await tab(context, site);
    assert.equal(await open(second, { name, passphrase: 'wrong' }), 'refused: wrongPassphrase');
    assert.equal(await open(second, { name }), id);
    const heard = second.evaluate(async () => {
      for await (const event of wallet.events()) return event.id;
      return null;
    });
    await first.evaluate(() => wallet.newAddress());
    assert.equal(await heard, 1n);
    await first.close();
    assert.equal(await engine(second), id);
    assert.ok(!site.closed.includes(id));
  }));

test('the key of its passphrase opens it as often as wanted, and no other key does', () =>
  withWallet(async ({ context, first, name, id }) => {
    const second = await tab(context, site);
    const said = await second.evaluate(async (named) => {
      const about = { name: named, network: 'regtest' as const, gateways: [] };
      const refused = (opening: Promise<unknown>) =>
        opening.then(
          () => 'opened',
          (error: Amplet.WalletError) => error.code,
        );
      const key = await amplet.unlockKey(named, 'correct horse');
      const nodes: string[] = [];
      for (let times = 0; times < 2; times += 1) {
        const wallet = await amplet.Wallet.open({ ...about, key });
        nodes.push((await wallet.status()).nodeId);
        await wallet.close();
      }
      const wrong = await refused(amplet.Wallet.open({ ...about, key: key.map((byte) => byte ^ 1) }));
      const short = await refused(amplet.Wallet.open({ ...about, key: key.slice(1) }));
      const two = { ...about, key, passphrase: 'correct horse' } as unknown as Amplet.OpenOptions;
      const both = await refused(amplet.Wallet.open(two));
      const nobody = await refused(amplet.unlockKey('nobody', 'correct horse'));
      return { nodes, wrong, short, both, nobody };
    }, name);
    assert.deepEqual(said, {
      nodes: [id, id],
      wrong: 'wrongPassphrase',
      short: 'invalidInput',
      both: 'invalidInput',
      nobody: 'walletNotFound',
    });
    assert.equal(await engine(first), id);
  }));

test('a frozen first tab does not stop the second', () =>
  withWallet(async ({ context, first, name, id }) => {
    const second = await tab(context, site);
    assert.equal(await open(second, { name }), id);
    await freeze(first, 'frozen');
    const done = await work(second);
    await second.waitForTimeout(200);
    assert.ok((await work(second)) > done);
    assert.equal(await engine(second), id);
  }));

test('the engine stops when the last tab has left, and a later tab starts another', () =>
  withWallet(async ({ context, first, name, id }) => {
    const second = await tab(context, site);
    await open(second, { name });
    await first.evaluate(() => wallet.close());
    assert.equal(await engine(second), id);
    await second.evaluate(() => wallet.close());
    await first.waitForTimeout(100);
    assert.ok(site.closed.includes(id));
    assert.notEqual(await open(first, { name }), id);
  }));

test('after a reload of the only tab the passphrase opens it again', () =>
  withWallet(async ({ first, name }) => {
    for (let i = 0; i < 3; i += 1) {
      await visit(first, site.url());
      assert.match(await open(first, { name }), /^[0-9a-f-]{36}$/);
    }
  }));

test('lock ends the wallet in every tab; after close calls say so', () =>
  withWallet(async ({ context, first, name, id }) => {
    const second = await tab(context, site);
    await open(second, { name });
    await second.evaluate(() => wallet.lock());
    assert.equal(await ended(first), 'closed');
    assert.ok(site.closed.includes(id));
    assert.equal(
      await first.evaluate(() => wallet.balance().catch((error: Amplet.WalletError) => error.code)),
      'closed',
    );
    assert.notEqual(await open(first, { name }), id);
  }));

for (const how of ['trap', 'trap in a task']) {
  test(`a ${how} rejects what is pending in every tab, and a fresh engine goes on`, () =>
    withWallet(async ({ context, first, name, id }) => {
      const second = await tab(context, site);
      await open(second, { name });
      const crash = await first.evaluate(
        (text) =>
          wallet.inspect(text).then(
            () => null,
            ({ code, log }: Amplet.WalletError) => ({ code, log: log.join() }),
          ),
        how,
      );
      assert.equal(crash?.code, 'walletCrashed');
      assert.ok(crash.log.includes(id), 'the log survives');
      assert.equal(await ended(second), 'walletCrashed');
      const fresh = await open(first, { name });
      assert.match(fresh, /^[0-9a-f-]{36}$/);
      assert.notEqual(fresh, id);
      assert.equal(await open(second, { name }), fresh, 'both tabs find the same fresh engine');
      const third = await tab(context, site);
      assert.equal(await open(third, { name }), fresh, 'and so does a tab that knows nothing of the crash');
      assert.ok(
        (await first.evaluate(() => wallet.diagnostics())).includes(id),
        'the diagnostics tell of the engine before',
      );
    }));
}

test('a crash while opening leaves the way free for the next attempt', () =>
  withWallet(async ({ first, name }) => {
    await first.evaluate(() => wallet.lock());
    assert.equal(await open(first, { name, gateways: ['trap'] }), 'refused: walletCrashed');
    assert.match(await open(first, { name }), /^[0-9a-f-]{36}$/);
  }));

test('an engine that the browser kills is noticed', () =>
  withWallet(async ({ first, name, id }) => {
    const session = await browser.newBrowserCDPSession();
    const { targetInfos } = await session.send('Target.getTargets');
    const worker = targetInfos.find(({ type, title }) => type === 'shared_worker' && title.includes(name));
    assert.ok(worker, JSON.stringify(targetInfos));
    const lost = first.evaluate(() =>
      wallet.inspect('never answered').catch((error: Amplet.WalletError) => error.code),
    );
    await session.send('Target.closeTarget', { targetId: worker.targetId });
    assert.equal(await lost, 'walletCrashed');
    assert.notEqual(await open(first, { name }), id);
  }));

test('without SharedWorker a second tab is told, and can take over', () =>
  withWallet(async ({ context, first, name, id }) => {
    const second = await tab(context, site);
    assert.equal(await open(second, { name }), 'refused: inUse');
    assert.equal(await engine(first), id);
    assert.match(await open(second, { name, takeOver: true }), /^[0-9a-f-]{36}$/);
    assert.equal(await ended(first), 'fenced');
    assert.ok(site.closed.includes(id), 'the first finished its step');
  }, false));

test('without SharedWorker a frozen tab loses the wallet and learns of it when it thaws', () =>
  withWallet(async ({ context, first, name }) => {
    await freeze(first, 'frozen');
    const second = await tab(context, site);
    assert.match(await open(second, { name, takeOver: true }), /^[0-9a-f-]{36}$/);
    await freeze(first, 'active');
    assert.equal(await ended(first), 'fenced');
  }, false));

test('without SharedWorker a closed tab leaves the wallet free', () =>
  withWallet(async ({ context, first, name }) => {
    await first.close();
    const second = await tab(context, site);
    assert.match(await open(second, { name }), /^[0-9a-f-]{36}$/);
    await second.evaluate(() => wallet.close());
    assert.match(await open(second, { name }), /^[0-9a-f-]{36}$/);
  }, false));

test('the passphrase can be changed', () =>
  withWallet(async ({ first, name }) => {
    const change = (from: string) =>
      first.evaluate(
        (old) =>
          wallet.changePassphrase({ from: old, to: 'another one' }).then(
            () => 'done',
            ({ code }: Amplet.WalletError) => code,
          ),
        from,
      );
    assert.equal(await change('guess'), 'wrongPassphrase');
    assert.equal(await change('correct horse'), 'done');
    await first.evaluate(() => wallet.lock());
    assert.equal(await open(first, { name }), 'refused: wrongPassphrase');
    assert.match(await open(first, { name, passphrase: 'another one' }), /^[0-9a-f-]{36}$/);
  }));

test('an open wallet says its words again, for the passphrase only', () =>
  withWallet(async ({ first }) => {
    const say = (passphrase: string) =>
      first.evaluate((given) => wallet.revealMnemonic(given).catch(({ code }: Amplet.WalletError) => code), passphrase);
    assert.equal(await say('guess'), 'wrongPassphrase');
    assert.equal(await say(''), 'invalidInput');
    assert.equal(await say('correct horse'), 'abandon ability able');
  }));

test('a destroyed wallet is gone in every tab', () =>
  withWallet(async ({ context, first, name }) => {
    const second = await tab(context, site);
    const refused = (n: string) => amplet.Wallet.destroy(n).catch(({ code }: Amplet.WalletError) => code);
    assert.equal(await second.evaluate(refused, name), 'inUse', 'an open wallet is not deleted by its name alone');
    await second.evaluate((n) => amplet.Wallet.destroy(n, { takeOver: true }), name);
    assert.equal(await ended(first), 'closed');
    assert.equal(await second.evaluate((n) => amplet.Wallet.exists(n), name), false);
  }));

test('bad options are refused by name', () =>
  withWallet(async ({ first, name }) => {
    const refusals = await first.evaluate(async (n) => {
      const good = { name: n, network: 'regtest', gateways: [], passphrase: 'x' };
      const bad = [
        { name: 'Not Good' },
        { passphrase: '' },
        { gateways: undefined },
        { create: true, mnemonic: 'a' },
        { fresh: true },
      ];
      const tried = bad.map((change) =>
        amplet.Wallet.open({ ...good, ...change } as never).then(
          () => 'opened',
          ({ code }: Amplet.WalletError) => code,
        ),
      );
      const calls = [
        () => wallet.receive({ amountMsat: 5 as never }),
        () => wallet.send('a', -1n),
        () => wallet.pay(7 as never),
        () => wallet.history({ pageSize: 0 }).next(),
      ];
      return Promise.all([
        ...tried,
        ...calls.map((call) =>
          call().then(
            () => 'done',
            ({ code }: Amplet.WalletError) => code,
          ),
        ),
      ]);
    }, name);
    assert.deepEqual(
      refusals,
      Array.from({ length: 9 }, () => 'invalidInput'),
    );
  }));
