/** Actions of a user on the page, by the words and roles that a user goes by. English page. */

import { createHash } from 'node:crypto';
import { expect } from '@playwright/test';

/**
 * @typedef {import('@playwright/test').Page} Page
 * @typedef {{ hash: string, preimage: string, feeMsat: bigint, hops: number, ms: number }} Receipt
 */

/** Longest time for anything: engine, network and what CI compiles share two processors. */
const PATIENCE = { timeout: 180_000 };

export class WalletPage {
  /**
   * @param {Page} page
   * @param {string} url
   */
  constructor(page, url) {
    this.page = page;
    this.url = url;
  }

  async load() {
    await this.page.goto(this.url);
    await expect(this.page.locator('main h1')).toBeAttached();
  }

  /** @param {string} hash such as `receive/savings` */
  async go(hash) {
    await this.page.evaluate((target) => (location.hash = `#/${target}`), hash);
  }

  /**
   * Creates a wallet, writing down the words and proving it.
   * @param {string} passphrase
   * @returns {Promise<string>} the words
   */
  async create(passphrase) {
    const { page } = this;
    await page.getByRole('link', { name: 'Create a wallet' }).click();
    await this.#choosePassphrase(passphrase);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: /Show the words/ }).click();
    const words = await page.getByTestId('words').locator('b').allInnerTexts();
    expect(words).toHaveLength(12);
    await page.getByRole('button', { name: 'I have written them down' }).click();
    for (const field of await page.getByLabel(/^Word \d+$/).all()) {
      const label = await page.locator(`label[for="${await field.getAttribute('id')}"]`).innerText();
      await field.fill(words[Number(label.replace(/\D/g, '')) - 1] ?? '');
    }
    await page.getByRole('button', { name: 'Create wallet' }).click();
    await this.atHome();
    return words.join(' ');
  }

  /**
   * @param {string} words
   * @param {string} passphrase
   * @param {'Backup' | 'Words alone'} [from] from a backup, the wallet is moved here if another device still has it
   */
  async restore(words, passphrase, from = 'Words alone') {
    const { page } = this;
    await page.getByRole('link', { name: 'Restore from words' }).click();
    await page.getByLabel('Your words').fill(words);
    await this.#choosePassphrase(passphrase);
    // What the user has chosen stays, whatever is found meanwhile.
    await page.getByRole('radio', { name: 'Backup' }).check();
    if (from === 'Backup') await expect(page.getByLabel('Backup server')).toHaveValue(/\/vss\/v1$/);
    else await page.getByRole('radio', { name: from }).check();
    await page.getByRole('button', { name: 'Restore wallet' }).click();
    const moved = page.getByTestId('moved');
    await expect(moved.or(page.getByTestId('everyday'))).toBeVisible(PATIENCE);
    if (await moved.isVisible()) await this.moveHere();
    await this.atHome();
  }

  /** @param {string} passphrase */
  async #choosePassphrase(passphrase) {
    await this.page.getByLabel('Passphrase', { exact: true }).fill(passphrase);
    await this.page.getByLabel('Repeat the passphrase').fill(passphrase);
  }

  /** Takes the wallet over from the device that has it. */
  async moveHere() {
    await this.page.getByRole('button', { name: 'Move here' }).click();
    await this.atHome();
  }

  /** Waits until this device says that another one has the wallet. */
  async movedAway() {
    await expect(this.page.getByTestId('moved')).toBeVisible(PATIENCE);
  }

  /** Waits until the backup has everything. */
  async backedUp() {
    await this.go('settings');
    await expect(this.page.getByTestId('backup')).toHaveAttribute('data-state', 'current', PATIENCE);
  }

  /**
   * Shows the code for another device.
   * @param {string} passphrase
   * @returns {Promise<string>} its link
   */
  async offerPairing(passphrase) {
    const { page } = this;
    await this.go('settings');
    await page.getByRole('button', { name: 'Add a device' }).click();
    await page.getByLabel('Passphrase', { exact: true }).fill(passphrase);
    await page.getByRole('button', { name: 'Show the code' }).click();
    const link = page.getByTestId('pairing-link');
    await expect(link).toHaveText(/#\/pair\/pair1/);
    return (await link.innerText()).trim();
  }

  async atHome() {
    await expect(this.page.getByTestId('everyday')).toBeVisible(PATIENCE);
  }

  /** @param {string} passphrase */
  async unlock(passphrase) {
    await this.page.getByLabel('Passphrase', { exact: true }).fill(passphrase);
    await this.page.getByRole('button', { name: 'Unlock', exact: true }).click();
    await expect(this.page.getByRole('button', { name: 'Lock', exact: true })).toBeVisible(PATIENCE);
  }

  /**
   * As a user who pressed F5.
   * @param {string} passphrase
   */
  async reload(passphrase) {
    await this.page.reload();
    await this.unlock(passphrase);
    await this.connected();
  }

  /** @param {'ready' | 'down' | 'offline'} [link] */
  async connected(link = 'ready') {
    await expect(this.page.getByTestId('connection')).toHaveAttribute('data-link', link, PATIENCE);
  }

  async savingsAddress() {
    await this.go('receive/savings');
    const field = this.page.getByTestId('address');
    await expect(field).toHaveText(/^bcrt1/);
    return field.innerText();
  }

  /**
   * @param {'everyday' | 'savings'} which
   * @returns {Promise<bigint>} msat for everyday, sat for savings
   */
  async balance(which) {
    await this.go('home');
    const figure = this.page.getByTestId(which);
    return BigInt((await figure.getAttribute(which === 'everyday' ? 'data-msat' : 'data-sat')) ?? 'none');
  }

  /** @param {bigint} sat */
  async savingsReach(sat) {
    await this.go('home');
    await expect(this.page.getByTestId('savings')).toHaveAttribute('data-sat', String(sat), PATIENCE);
  }

  /** @param {bigint} sat unconfirmed savings */
  async pendingReach(sat) {
    await this.go('home');
    const pending = this.page.getByTestId('savings-pending');
    if (sat > 0n) await expect(pending).toHaveAttribute('data-sat', String(sat), PATIENCE);
    else await expect(pending).toHaveCount(0, PATIENCE);
  }

  /** @param {(msat: bigint) => boolean} holds */
  async everydayUntil(holds) {
    await this.go('home');
    await expect.poll(async () => holds(await this.balance('everyday')), PATIENCE).toBe(true);
  }

  /**
   * Opens a channel from savings, after its cost was shown.
   * @param {bigint} sat
   */
  async openChannel(sat) {
    const { page } = this;
    await this.go('channels/open');
    await page.getByLabel('Amount', { exact: true }).fill(String(sat));
    await page.getByRole('button', { name: 'Preview the cost' }).click();
    await expect(page.getByTestId('fee')).toBeVisible();
    await page.getByRole('button', { name: 'Open channel' }).click();
    await expect(page.getByRole('dialog')).toBeHidden(PATIENCE);
    await expect(page.getByTestId('channel')).toHaveCount(1);
  }

  /** @param {number} [count] */
  async channelsReady(count = 1) {
    await this.go('channels');
    await expect(this.page.locator('[data-testid=channel][data-state=ready]')).toHaveCount(count, PATIENCE);
  }

  /**
   * Brings an invoice or address to its preview.
   * @param {string} text
   */
  async preview(text) {
    await this.go('home');
    await this.go('pay');
    await this.page.getByLabel('Invoice or address').fill(text);
    await this.page.getByRole('button', { name: 'Continue' }).click();
  }

  /**
   * Pays after the preview, and checks the proof.
   * @param {string} invoice
   * @returns {Promise<Receipt>}
   */
  async pay(invoice) {
    const { page } = this;
    await this.preview(invoice);
    await expect(page.getByTestId('expiry')).toContainText('Expires in');
    await page.getByRole('button', { name: /^Pay / }).click();
    await expect(page.getByTestId('pay-done').or(page.getByTestId('pay-failed'))).toBeVisible(PATIENCE);
    const failed = page.getByTestId('pay-failed');
    if (await failed.isVisible()) throw new Error(`not paid: ${await failed.innerText()}`);
    await page.getByText('Technical details').click();
    const receipt = {
      hash: await page.getByTestId('hash').innerText(),
      preimage: await page.getByTestId('preimage').innerText(),
      feeMsat: BigInt((await page.getByTestId('fee').getAttribute('data-msat')) ?? 'none'),
      hops: Number(await page.getByTestId('hops').innerText()),
      ms: Number(await page.getByTestId('duration').getAttribute('data-ms')),
    };
    expect(sha256(receipt.preimage), 'the preimage proves the payment').toBe(receipt.hash);
    return receipt;
  }

  /**
   * @param {bigint | null} sat
   * @param {string} description
   */
  async createInvoice(sat, description) {
    const { page } = this;
    await this.go('home');
    await this.go('receive');
    if (sat !== null) await page.getByLabel('Amount (optional)').fill(String(sat));
    await page.getByLabel('Description (optional)').fill(description);
    await page.getByRole('button', { name: 'Create invoice' }).click();
    const field = page.getByTestId('invoice');
    await expect(field).toHaveText(/^lnbcrt/);
    return field.innerText();
  }

  async received() {
    await expect(this.page.getByTestId('received')).toBeVisible(PATIENCE);
  }
}

/** @param {string} hex */
export const sha256 = (hex) => createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex');
