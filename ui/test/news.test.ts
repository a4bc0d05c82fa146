import type { Payment, WalletEvent } from 'amplet';
import { describe, expect, it } from 'vitest';
import { DEPOSITS, News, withEvent } from '../src/app/news.svelte.ts';
import { holderNamed } from '../src/text/holders.ts';

let last = 0n;
const event = (type: WalletEvent['type'], about: object): WalletEvent =>
  ({ id: ++last, at: 0n, type, ack: async () => undefined, ...about }) as unknown as WalletEvent;
const of = (id: string) => ({ payment: { id } as Payment });
const types = (news: readonly WalletEvent[]) => news.map(({ type }) => type);

describe('news', () => {
  it('is the latest of a subject: nothing waits that is ready', () => {
    const pending = event('channelPending', { channelId: 'c' });
    const other = event('channelPending', { channelId: 'd' });
    const ready = event('channelReady', { channelId: 'c' });
    expect(withEvent([pending, other], ready, [])).toEqual([other, ready]);
    const seen = withEvent([], event('depositSeen', of('t')), []);
    expect(types(withEvent(seen, event('depositConfirmed', of('t')), []))).toEqual(['depositConfirmed']);
  });

  it('does not say again, nor against, what the screen says', () => {
    const news = new News();
    news.add(event('paymentFailed', of('p')));
    const leave = news.onScreen('p');
    expect(news.shown).toEqual([]);
    news.add(event('paymentSent', of('p')));
    expect(news.shown).toEqual([]);
    leave();
    news.add(event('paymentReceived', of('q')));
    expect(types(news.shown)).toEqual(['paymentReceived']);
    // Two screens showed it; one is left.
    const [first, second] = [news.onScreen('r'), news.onScreen('r')];
    first();
    news.add(event('paymentSent', of('r')));
    expect(types(news.shown)).toEqual(['paymentReceived']);
    second();
    const deposits = news.onScreen(DEPOSITS);
    news.add(event('depositSeen', of('t')));
    news.add(event('depositConfirmed', of('t')));
    expect(types(news.shown)).toEqual(['paymentReceived', 'depositConfirmed']);
    deposits();
  });

  it('is never more than fits', () => {
    const news = new News();
    for (const id of ['1', '2', '3', '4', '5']) news.add(event('paymentReceived', of(id)));
    expect(news.shown).toHaveLength(3);
    news.dismiss(last);
    expect(news.shown).toHaveLength(2);
    news.clear();
    expect(news.shown).toEqual([]);
  });

  it('names holders as people know them', () => {
    expect(holderNamed('the user')).toBe('Your own payments');
    expect(holderNamed('child Lea')).toBe('Lea');
    expect(holderNamed('https://a.example')).toBe('a.example');
    expect(holderNamed('https://a.example in http://b.example:8080')).toBe('a.example in http://b.example:8080');
  });
});
