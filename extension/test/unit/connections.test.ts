/** What a site may do is listed, and taken back whole. */

import { SiteHost, type Site } from 'amplet/provider';
import { expect, test } from 'vitest';
import { FakeWallet } from '../../../pkg/test/unit/site-fakes.ts';
import { Connections } from '../../src/wallet-host/connections.ts';

const site = { origin: 'https://a.example', topLevel: 'https://a.example' };

function world() {
  const done: unknown[] = [];
  const wallet = new FakeWallet();
  const host = new SiteHost({ wallet, ask: async () => ({ allowed: true }), version: '1' });
  const budgets = [{ id: 4, holder: { kind: 'site', ...site }, closed: false }];
  const connections = new Connections({
    host,
    store: wallet.store,
    former: { delete: async () => void done.push('deleted') },
    sites: { disconnected: (gone: Site) => void done.push(['forgotten', gone.origin]) },
    streams: { endOf: async (gone: Site) => void done.push(['ended', gone.origin]) },
    open: () =>
      ({ budgets: async () => budgets, closeBudget: async (id: number) => void done.push(['closed', id]) }) as never,
  });
  return { connections, host, wallet, done };
}

test('a site is listed with what it may do; disconnected, it is as if it had never been let in', async () => {
  const { connections, host, done } = world();
  await host.records.setGrant(site, { balance: true });
  expect(await connections.list()).toEqual([{ ...site, balance: true }]);
  await connections.disconnect(site);
  expect(done).toEqual([
    ['ended', site.origin],
    ['closed', 4],
    ['forgotten', site.origin],
  ]);
  expect(await connections.list()).toEqual([]);
  const sender = { origin: site.origin, topLevelOrigin: site.topLevel, tabId: 1, frameId: 0 };
  const reply = await host.handle(sender, { amplet: 1, id: 1, method: 'isEnabled', params: {} });
  expect(reply).toMatchObject({ result: false });
});

test('a site that asked, was let in or was paid is told from one that never asked', async () => {
  const { connections, host, wallet } = world();
  const named = (name: string): Site => ({ origin: `https://${name}.example`, topLevel: `https://${name}.example` });
  expect(await connections.hasAsked(site)).toBe(false);
  connections.noteAsked(site);
  expect(await connections.hasAsked(site)).toBe(true);
  expect(await connections.hasAsked({ ...site, topLevel: 'https://b.example' }), 'in another page it is another').toBe(
    false,
  );
  await connections.disconnect(site);
  expect(await connections.hasAsked(site)).toBe(false);
  await host.records.setGrant(named('let-in'), { balance: false });
  expect(await connections.hasAsked(named('let-in'))).toBe(true);
  wallet.store.change(await host.records.sent(named('paid'), '11'.repeat(32), 'lnbcrt1'));
  expect(await connections.hasAsked(named('paid'))).toBe(true);
  expect(await connections.hasAsked(named('never'))).toBe(false);
});

test('with the wallet goes what an earlier release kept', async () => {
  const { connections, done } = world();
  await connections.forget();
  expect(done).toEqual(['deleted']);
});
