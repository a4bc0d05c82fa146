import assert from 'node:assert/strict';
import { type Json, type Sender, type SiteErrorName, SiteHost, type SiteReply } from '../../src/provider.ts';
import { FakeWallet, NOW, User, SHOP, siteName } from './site-fakes.ts';

/** A wallet, a user and a host; `restart` gives another host over the same store. */
export function harness({ enabled = true }: { enabled?: boolean } = {}) {
  const wallet = new FakeWallet();
  const user = new User();
  const { store } = wallet;
  const clock = { now: NOW };
  const restart = () => new SiteHost({ wallet, ask: user.ask, version: '1.2.3', now: () => clock.now });
  const host = { now: restart() };
  if (enabled) store.all.set('grant/https://shop.example https://shop.example', '{"version":1,"balance":false}');
  let id = 0;
  const call = (method: string, params: Json = {}, sender: Sender = SHOP, signal?: AbortSignal): Promise<SiteReply> =>
    host.now.handle(sender, { amplet: 1, id: ++id, method, params }, signal).then((reply) => reply!);
  const ok = async (method: string, params: Json = {}, sender: Sender = SHOP): Promise<Json> => {
    const reply = await call(method, params, sender);
    assert.ok(reply.ok, JSON.stringify(reply));
    return reply.result;
  };
  const fails = async (
    name: SiteErrorName,
    method: string,
    params: Json = {},
    sender: Sender = SHOP,
  ): Promise<string> => {
    const reply = await call(method, params, sender);
    assert.ok(!reply.ok, JSON.stringify(reply));
    assert.equal(reply.error.name, name, reply.error.message);
    assert.doesNotMatch(reply.error.message, /own words|123456/, 'nothing of the wallet reaches the page');
    return reply.error.message;
  };
  return { wallet, user, store, clock, call, ok, fails, host, restart: () => (host.now = restart()) };
}

/** Gives a site a budget. */
export const budget = (wallet: FakeWallet, msat: bigint, sender: Sender = SHOP) =>
  wallet.budgets.set(siteName({ origin: sender.origin, topLevel: sender.topLevelOrigin }), msat);
