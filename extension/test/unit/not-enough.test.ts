/** A wallet with too little says what there is, what it costs and where more can come from. */

import { afterEach, expect, test, vi } from 'vitest';
import type { OpenStream, StreamReport } from 'amplet/provider';
import { language } from 'amplet-ui/text/i18n.svelte.ts';
import { fromSavings, lackText } from '../../src/lib/not-enough.ts';
import type { Badge } from '../../src/wallet-host/badge.ts';
import { Streams } from '../../src/wallet-host/streams.ts';
import { FakeWallet, turn } from '../../../pkg/test/unit/site-fakes.ts';
import { FakeEngine, terms } from '../../../pkg/test/unit/site-streams-fakes.ts';

vi.stubGlobal('navigator', { languages: ['en'] });
vi.stubGlobal('document', { documentElement: {} });
afterEach(() => language.choose('en'));

const NBSP = '\u00a0';
const money = { spendableMsat: 0n, onchainSat: 0n, reserveSat: 10_000n };

test('the amount, or where it is there the fee', () => {
  const lack = { amountMsat: 21_000n, maxFeeMsat: 3_000n };
  expect(lackText(lack, money, 'sat')).toBe(`You have 0${NBSP}sat, this costs 21${NBSP}sat.`);
  expect(lackText(lack, { ...money, spendableMsat: 22_999n }, 'sat')).toBe(
    `You have 22${NBSP}sat, this costs up to 24${NBSP}sat with its fee.`,
  );
  language.choose('de');
  expect(lackText({ ...lack, amountMsat: 21_000_000n }, money, 'sat')).toBe(
    `Du hast 0${NBSP}sat, dies kostet 21.000${NBSP}sat.`,
  );
});

test('savings help with what is above their reserve', () => {
  expect(fromSavings(money)).toBe(0n);
  expect(fromSavings({ ...money, onchainSat: 10_000n })).toBe(0n);
  expect(fromSavings({ ...money, onchainSat: 10_500n })).toBe(500_000n);
});

test('a stream that runs out of money is asked about once, and again when it runs out again', async () => {
  const [engine, wallet] = [new FakeEngine(), new FakeWallet()];
  const asked: StreamReport['reason'][] = [];
  const badge = { streams: vi.fn() };
  const streams = new Streams({
    open: () => engine,
    wallet,
    badge: badge as unknown as Badge,
    notify: () => {},
    askStalled: async ({ report: { reason } }: OpenStream) => {
      asked.push(reason);
      return { decision: { allowed: false }, stop: false };
    },
  });
  const site = { origin: 'https://a.example', topLevel: 'https://a.example' };
  wallet.budgets.set('https://a.example https://a.example', 1_000_000n);
  await streams.ofSites.start({ ...terms, authorization: { holder: { kind: 'site', ...site } } });
  const { stream } = engine.started[0]!;
  for (const out of [true, true, false, true]) {
    stream.set(out ? { paused: 'failing', error: { code: 'insufficientBalance' } } : { paused: null, error: null });
    await turn();
  }
  expect(asked).toEqual(['balance', 'balance']);
  expect(badge.streams).toHaveBeenLastCalledWith({ runs: false, stalls: true });
});
