import type { GatewayStatus, Status } from 'amplet';
import { describe, expect, it } from 'vitest';
import { parseGatewayAddress, readConfig } from '../src/app/config.ts';
import { linkOf, shorten } from '../src/text/connection.ts';
import { formatFeeRate, parseFeeRate } from '../src/text/feerate.ts';

const ID = `02${'ab'.repeat(32)}`;

describe('config.json', () => {
  it('is read with its defaults', () => {
    expect(readConfig({ network: 'regtest', gateways: [{ address: `${ID}@ws://127.0.0.1:9` }] })).toEqual({
      network: 'regtest',
      gateways: [{ address: `${ID}@ws://127.0.0.1:9`, trustZeroConf: false }],
      chainSources: [],
      walletName: 'regtest',
    });
  });
  it('names what is wrong in it', () => {
    const wrong: [unknown, RegExp][] = [
      [null, /not a JSON object/],
      ['x', /not a JSON object/],
      [{}, /network is "undefined"/],
      [{ network: 'bitcoin' }, /network is "bitcoin"/],
      [{ network: 'signet', gateways: {} }, /gateways is not a list/],
      [{ network: 'signet', gateways: [null] }, /gateway is not an object/],
      [{ network: 'signet', gateways: [{ address: 'x' }] }, /"x" is not <node id>/],
      [{ network: 'signet', gateways: [{ address: `${ID}@wss://g.example`, chainUrl: 'javascript:1' }] }, /chainUrl/],
      [{ network: 'signet', chainSources: 'x' }, /chainSources is not a list/],
      [{ network: 'signet', chainSources: ['ftp://x'] }, /"ftp:\/\/x" is not/],
      [{ network: 'signet', walletName: '../x' }, /walletName/],
    ];
    for (const [value, message] of wrong) expect(() => readConfig(value)).toThrow(message);
  });
});

describe('gateway addresses', () => {
  it('are a compressed key, an @ and a WebSocket URL', () => {
    expect(parseGatewayAddress(` ${ID.toUpperCase()}@wss://g.example/lightning/v1 `)).toEqual({
      nodeId: ID,
      url: 'wss://g.example/lightning/v1',
      hasToken: false,
    });
    expect(parseGatewayAddress(`${ID}@wss://g.example#token=channel_0a_0b`)).toEqual({
      nodeId: ID,
      url: 'wss://g.example',
      hasToken: true,
    });
    for (const wrong of [
      '',
      ID,
      `${ID}@`,
      `${ID}@https://g.example`,
      `04${ID.slice(2)}@ws://g`,
      `${ID.slice(2)}@ws://g`,
      `${ID}@ws://a b`,
      `${ID}@ws://`,
      `${ID}@ws://g#channel_0a_0b`,
      `${ID}@ws://g#token=`,
    ]) {
      expect([wrong, parseGatewayAddress(wrong)]).toEqual([wrong, null]);
    }
  });
});

describe('fee rates', () => {
  it('are sat/vB for people and sat per 1000 vB for the engine', () => {
    expect(parseFeeRate('1')).toBe(1000n);
    expect(parseFeeRate(' 4.25 ')).toBe(4250n);
    expect(parseFeeRate('4,125')).toBe(4125n);
    expect(parseFeeRate('1000')).toBe(1_000_000n);
    for (const wrong of ['', '0', '0.999', '1000.001', '1.2345', '-1', '1e2', 'x', '99999'])
      expect([wrong, parseFeeRate(wrong)]).toEqual([wrong, null]);
    expect(formatFeeRate(4250n, 'en')).toBe('4.25 sat/vB');
    expect(formatFeeRate(1000n, 'de')).toBe('1 sat/vB');
  });
});

describe('the connection in a word', () => {
  const gateway = (state: 'connected' | 'connecting' | 'waiting') =>
    ({ connection: { state } }) as unknown as GatewayStatus;
  const status = (gateways: GatewayStatus[], synced = true, error: unknown = null, warnings: string[] = []) =>
    ({ gateways, chain: { synced, error }, warnings }) as unknown as Status;
  it('is the worst that matters', () => {
    expect(linkOf(null, true)).toBe('connecting');
    expect(linkOf(status([]), true)).toBe('noGateway');
    expect(linkOf(status([gateway('waiting')]), false)).toBe('offline');
    expect(linkOf(status([gateway('waiting'), gateway('connecting')]), true)).toBe('connecting');
    expect(linkOf(status([gateway('waiting')]), true)).toBe('down');
    expect(linkOf(status([gateway('connected')], false), true)).toBe('syncing');
    expect(linkOf(status([gateway('connected'), gateway('waiting')]), true)).toBe('partly');
    expect(linkOf(status([gateway('connected')], true, {}), true)).toBe('partly');
    expect(linkOf(status([gateway('connected')]), true)).toBe('ready');
    expect(linkOf(status([gateway('waiting')], true, null, ['oldCopy']), true)).toBe('oldCopy');
    // The browser's word counts only where nothing answers.
    expect(linkOf(status([gateway('connected')]), false)).toBe('ready');
  });
});

describe('long names', () => {
  it('are shortened only when that is shorter', () => {
    expect(shorten(ID)).toBe('02ababab…ababab');
    expect(shorten('0123456789abcde')).toBe('0123456789abcde');
  });
});
