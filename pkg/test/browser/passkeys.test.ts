import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { Site, launch, tab } from './site.ts';
import type * as Amplet from '../../src/index.ts';

declare global {
  var amplet: typeof Amplet;
  var wallet: Amplet.Wallet;
  var walletName: string;
}

let site: Site;
let browser: Browser;
let devices = 0;

beforeAll(async () => {
  site = await Site.start();
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await site.stop();
});

const WORDS = 'abandon ability able';
type Opening = Partial<Pick<Amplet.OpenOptions, keyof Amplet.OpenOptions>>;

/** A page with authenticators that Chromium pretends to have. */
class Device {
  readonly page: Page;
  readonly #session: CDPSession;

  private constructor(page: Page, session: CDPSession) {
    this.page = page;
    this.#session = session;
  }

  /** In a profile of its own. WebAuthn wants a name for a host. */
  static async start(): Promise<Device> {
    const context = await browser.newContext();
    const page = await tab(context, site, 'localhost');
    // What the pretended engine stores is one for all.
    await page.evaluate((name) => (globalThis.walletName = name), `p${(devices += 1)}`);
    const session = await context.newCDPSession(page);
    await session.send('WebAuthn.enable');
    return new Device(page, session);
  }

  async authenticator(transport: 'internal' | 'usb', hasPrf = true): Promise<string> {
    const { authenticatorId } = await this.#session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        ctap2Version: 'ctap2_1',
        transport,
        hasResidentKey: true,
        hasUserVerification: true,
        hasPrf,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    });
    return authenticatorId;
  }

  async remove(authenticatorId: string): Promise<void> {
    await this.#session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
  }

  /** Has the user touch it, or not. */
  async touch(authenticatorId: string, enabled: boolean): Promise<void> {
    await this.#session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled });
  }

  /** Has it recognise the user, or not: then it gives nothing, as after a prompt that was closed. */
  async recognise(authenticatorId: string, isUserVerified: boolean): Promise<void> {
    await this.#session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
  }

  async credentials(authenticatorId: string): Promise<number> {
    return (await this.#session.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length;
  }

  /** Opens the wallet, and returns its words or the code of the error. */
  open(options: Opening): Promise<string> {
    return this.page.evaluate(async (given) => {
      try {
        const options = { name: walletName, network: 'regtest', gateways: [], ...given } as Amplet.OpenOptions;
        globalThis.wallet = await amplet.Wallet.open(options);
        return 'open';
      } catch (error) {
        return (error as Amplet.WalletError).code;
      }
    }, options);
  }

  lock(): Promise<void> {
    return this.page.evaluate(() => wallet.lock());
  }

  stop(): Promise<void> {
    return this.page.context().close();
  }
}

test('a wallet is made, opened and shown by a passkey alone', async () => {
  const device = await Device.start();
  const { page } = device;
  await device.authenticator('internal');
  assert.equal(await page.evaluate(() => amplet.passkeysAvailable()), true);
  assert.equal(await device.open({ create: true, passkey: { name: 'Laptop' } }), 'open');
  const [passkey] = await page.evaluate(() => wallet.passkeys());
  assert.equal(passkey?.name, 'Laptop');
  assert.ok(Math.abs(Number(passkey.createdAt) - Date.now() / 1000) < 600);
  await device.lock();
  assert.deepEqual(await page.evaluate(() => amplet.Wallet.unlocking(walletName)), {
    passphrase: false,
    passkeys: [passkey],
  });
  assert.equal(await device.open({ passphrase: 'correct horse' }), 'wrongPassphrase');
  assert.equal(await device.open({ passkey: true }), 'open');
  assert.equal(await page.evaluate(() => wallet.revealMnemonic({ passkey: true })), WORDS);
  await device.lock();
  assert.equal(await page.evaluate(() => amplet.Wallet.revealMnemonic(walletName, { passkey: true })), WORDS);
  const key = await page.evaluate(async () => [...(await amplet.unlockKey(walletName, { passkey: true }))]);
  assert.equal(key.length, 32);
  assert.deepEqual(await page.evaluate(async () => [...(await amplet.unlockKey(walletName, { passkey: true }))]), key);
  await device.stop();
});

test('of two passkeys one is removed, and opens the wallet no more', async () => {
  const device = await Device.start();
  const { page } = device;
  const inside = await device.authenticator('internal');
  assert.equal(await device.open({ create: true, passkey: { name: 'Laptop' } }), 'open');
  // The same device twice is no further one.
  const again = () => wallet.addPasskey({ name: 'Again', unlock: { passkey: true } });
  assert.equal(await page.evaluate(again).catch((error: Error) => /has a passkey/.test(error.message)), true);
  const remove = (id: string) => wallet.removePasskey(id, { passkey: true }).catch((e: Amplet.WalletError) => e.code);
  const [first] = await page.evaluate(() => wallet.passkeys());
  assert.ok(first);
  assert.equal(await page.evaluate(remove, first.id), 'invalidInput', 'the last one stays');
  await page.evaluate(() => wallet.changePassphrase({ from: { passkey: true }, to: 'correct horse' }));
  await device.touch(inside, false);
  const outside = await device.authenticator('usb');
  const second = await page.evaluate(() => wallet.addPasskey({ name: 'Stick', unlock: 'correct horse' }));
  assert.equal(second.name, 'Stick');
  await page.evaluate((id) => wallet.removePasskey(id, 'correct horse'), first.id);
  await page.evaluate(() => wallet.removePassphrase({ passkey: true }));
  assert.deepEqual(await page.evaluate(() => amplet.Wallet.unlocking(walletName)), {
    passphrase: false,
    passkeys: [second],
  });
  await device.lock();
  assert.equal(await device.open({ passkey: true }), 'open');
  await device.lock();
  await device.recognise(outside, false);
  await device.touch(inside, true);
  assert.equal(await device.open({ passkey: true }), 'passkeyRefused', 'the first one is there, and not taken');
  assert.equal(await device.open({ passphrase: 'correct horse' }), 'wrongPassphrase');
  await device.stop();
});

test('a passphrase is added to a passkey, and a passkey to a passphrase', async () => {
  const device = await Device.start();
  const { page } = device;
  await device.authenticator('internal');
  assert.equal(await device.open({ create: true, passphrase: 'correct horse' }), 'open');
  const wrong = () =>
    wallet.addPasskey({ name: 'Laptop', unlock: 'guess' }).catch((error: Amplet.WalletError) => error.code);
  assert.equal(await page.evaluate(wrong), 'wrongPassphrase');
  assert.deepEqual(await page.evaluate(() => wallet.passkeys()), []);
  await page.evaluate(() => wallet.addPasskey({ name: 'Laptop', unlock: 'correct horse' }));
  await page.evaluate(() => wallet.changePassphrase({ from: { passkey: true }, to: 'another one' }));
  await device.lock();
  assert.equal(await device.open({ passphrase: 'correct horse' }), 'wrongPassphrase');
  for (const unlock of [{ passkey: true as const }, { passphrase: 'another one' }]) {
    assert.equal(await device.open(unlock), 'open');
    await device.lock();
  }
  await device.stop();
});

test('a prompt that gives nothing leaves nothing', async () => {
  const device = await Device.start();
  const { page } = device;
  // One that did not recognise its user gives nothing any more: the next is another.
  const strange = await device.authenticator('internal');
  await device.recognise(strange, false);
  assert.equal(await device.open({ create: true, passkey: { name: 'Laptop' } }), 'passkeyRefused');
  assert.equal(await page.evaluate(() => amplet.Wallet.exists(walletName)), false);
  await device.remove(strange);
  const inside = await device.authenticator('internal');
  assert.equal(await device.open({ create: true, passkey: { name: 'Laptop' } }), 'open');
  await page.evaluate(() => wallet.changePassphrase({ from: { passkey: true }, to: 'correct horse' }));
  await device.lock();
  await device.recognise(inside, false);
  assert.equal(await device.open({ passkey: true }), 'passkeyRefused');
  assert.equal(await device.open({ passphrase: 'correct horse' }), 'open');
  const remove = () => wallet.removePassphrase({ passkey: true }).catch((error: Amplet.WalletError) => error.code);
  assert.equal(await page.evaluate(remove), 'passkeyRefused');
  assert.equal((await page.evaluate(() => amplet.Wallet.unlocking(walletName)))?.passphrase, true);
  await device.stop();
});

test('an authenticator without PRF is told, and makes no wallet', async () => {
  const device = await Device.start();
  const { page } = device;
  const plain = await device.authenticator('internal', false);
  assert.equal(await device.open({ create: true, passkey: { name: 'Laptop' } }), 'passkeyUnsupported');
  assert.equal(await page.evaluate(() => amplet.Wallet.exists(walletName)), false);
  assert.equal(await device.credentials(plain), 0, 'the passkey that opens nothing is gone');
  assert.equal(await device.open({ create: true, passphrase: 'correct horse' }), 'open');
  const add = () =>
    wallet.addPasskey({ name: 'Laptop', unlock: 'correct horse' }).catch((error: Amplet.WalletError) => error.code);
  assert.equal(await page.evaluate(add), 'passkeyUnsupported');
  assert.deepEqual(await page.evaluate(() => wallet.passkeys()), []);
  await device.stop();
});

test('a browser without WebAuthn is told', async () => {
  const device = await Device.start();
  const { page } = device;
  await page.evaluate(() => Reflect.deleteProperty(globalThis, 'PublicKeyCredential'));
  assert.equal(await page.evaluate(() => amplet.passkeysAvailable()), false);
  assert.equal(await device.open({ create: true, passkey: true }), 'passkeyUnsupported');
  assert.equal(await page.evaluate(() => amplet.Wallet.exists(walletName)), false);
  await device.stop();
});

test('what is no passphrase and no passkey is refused by name', async () => {
  const device = await Device.start();
  for (const options of [
    { passphrase: 'x', passkey: true as const },
    { create: true, passkey: {} as { name: string } },
    { create: true, passkey: { name: ' ' } },
    { create: true, passkey: { name: 'x'.repeat(65) } },
    { passkey: false as unknown as true },
  ])
    assert.equal(await device.open(options), 'invalidInput', JSON.stringify(options));
  await device.stop();
});
