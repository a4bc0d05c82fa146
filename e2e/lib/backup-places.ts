/** The screens of backup, restoring and devices on the pretended engine, and the way to each. */

import { expect, type Page } from '@playwright/test';
import { opened, PASSPHRASE, toWords, WORDS, type Place } from './places';

const restoring = async (page: Page, from: 'Backup' | 'File' | 'Words alone'): Promise<void> => {
  await page.getByRole('link', { name: 'Restore from words' }).click();
  await expect(page.getByRole('radio', { name: 'Backup' })).toBeChecked();
  await page.getByRole('radio', { name: from }).check();
  await page.getByLabel('Your words').fill(WORDS);
  await page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await page.getByLabel('Repeat the passphrase').fill(PASSPHRASE);
};

const restore = (page: Page): Promise<void> => page.getByRole('button', { name: 'Restore wallet' }).click();

const pairing = async (page: Page, code: string): Promise<void> => {
  await page.getByRole('link', { name: 'Use it from another device' }).click();
  await page.getByLabel('Code or link').fill(code);
  await page.getByRole('button', { name: 'Continue' }).click();
};

const adding = async (page: Page): Promise<void> => {
  await page.getByRole('button', { name: 'Add a device' }).click();
  await page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await page.getByRole('button', { name: 'Show the code' }).click();
};

const card = (page: Page, name: string): Promise<void> =>
  page.getByTestId('backup').getByRole('button', { name }).click();

export const BACKUP_PLACES: Place[] = [
  {
    name: 'create-words-without',
    scenario: 'none',
    async go(page) {
      await toWords(page);
      await page.getByRole('checkbox').uncheck();
      await expect(page.getByText(/savings only/)).toBeVisible();
    },
  },
  {
    name: 'create-words-no-backup',
    scenario: 'noBackup',
    async go(page) {
      await toWords(page);
      await expect(page.getByRole('checkbox')).toHaveCount(0);
    },
  },
  { name: 'restore-file', scenario: 'none', go: (page) => restoring(page, 'File') },
  {
    name: 'restore-missing',
    scenario: 'notFound',
    async go(page) {
      await restoring(page, 'Backup');
      await restore(page);
      await expect(page.getByText(/no whole backup/)).toBeVisible();
    },
  },
  {
    name: 'restore-progress',
    scenario: 'slow',
    async go(page) {
      await restoring(page, 'Backup');
      await restore(page);
      await expect(page.getByRole('progressbar')).toHaveAttribute('value', /0\.7/);
    },
  },
  {
    name: 'restored',
    scenario: 'none',
    async go(page) {
      await restoring(page, 'Backup');
      await restore(page);
      await expect(page.getByText('Everything is back')).toBeVisible();
    },
  },
  {
    name: 'restored-words',
    scenario: 'none',
    async go(page) {
      await restoring(page, 'Words alone');
      await restore(page);
      await expect(page.getByText('Savings are being searched for')).toBeVisible();
    },
  },
  {
    name: 'moved',
    scenario: 'moved',
    async go(page) {
      await page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
      await page.getByRole('button', { name: 'Unlock' }).click();
      await expect(page.getByRole('heading', { name: /now used on Firefox, Android/ })).toBeVisible();
    },
  },
  {
    name: 'pair',
    scenario: 'none',
    async go(page) {
      await page.getByRole('link', { name: 'Use it from another device' }).click();
      // The screen is loaded first.
      await expect(page.getByLabel('Code or link')).toBeVisible();
    },
  },
  {
    name: 'pair-number',
    scenario: 'none',
    async go(page) {
      await pairing(page, 'pair1waits');
      await expect(page.getByTestId('pairing-number')).toHaveText(/482.913/);
    },
  },
  {
    name: 'pair-passphrase',
    scenario: 'none',
    async go(page) {
      await pairing(page, 'pair1sent');
      await expect(page.getByText(/The wallet has arrived/)).toBeVisible();
    },
  },
  opened(
    'home-backup-away',
    '#/home',
    (page) => expect(page.getByText(/Nothing new is begun/)).toBeVisible(),
    'backupAway',
  ),
  opened(
    'home-backup-full',
    '#/home',
    (page) => expect(page.getByText(/space is used up/)).toBeVisible(),
    'backupFull',
  ),
  opened(
    'settings-backup',
    '#/settings',
    (page) => expect(page.getByText('Everything is saved')).toBeVisible(),
    'backup',
  ),
  opened('settings-backup-behind', '#/settings', async () => {}, 'backupBehind'),
  opened('settings-backup-lagging', '#/settings', async () => {}, 'backupLagging'),
  opened('settings-backup-on', '#/settings', async (page) => {
    await card(page, 'Turn on backup');
    await expect(page.getByLabel('Backup server')).toHaveValue(/vss/);
    await page.getByLabel('Backup server').fill('ftp://wrong');
    await card(page, 'Turn on backup');
    await expect(page.getByText(/Enter an address/)).toBeVisible();
  }),
  opened(
    'settings-backup-off',
    '#/settings',
    async (page) => {
      await card(page, 'Turn off backup');
      await page.getByRole('dialog').getByRole('button', { name: 'Turn off backup' }).click();
      await expect(page.getByRole('checkbox', { name: /Turn it off without the server/ })).toBeVisible();
    },
    'backupAway',
  ),
  opened(
    'settings-not-kept',
    '#/settings',
    async (page) => {
      await page.evaluate(() => Object.assign(navigator.storage, { persist: async () => false }));
      await page.getByRole('button', { name: 'Ask the browser to keep it' }).click();
      await expect(page.getByText('The browser did not promise it.')).toBeVisible();
    },
    'notKept',
  ),
  opened(
    'settings-devices',
    '#/settings',
    async (page) => {
      const devices = page.getByTestId('devices').getByRole('listitem');
      await expect(devices).toHaveCount(3);
      await devices.last().scrollIntoViewIfNeeded();
    },
    'backup',
  ),
  opened(
    'device-rename',
    '#/settings',
    (page) => page.getByRole('button', { name: 'Rename Firefox, Android' }).click(),
    'backup',
  ),
  opened(
    'device-remove',
    '#/settings',
    (page) => page.getByRole('button', { name: 'Remove Firefox, Android' }).click(),
    'backup',
  ),
  opened(
    'device-remove-away',
    '#/settings',
    async (page) => {
      await page.getByRole('button', { name: 'Remove Firefox, Android' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
      await expect(page.getByText('The backup cannot be reached')).toBeVisible();
    },
    'backupAway',
  ),
  opened(
    'device-removed',
    '#/settings',
    async (page) => {
      await page.getByRole('button', { name: 'Remove Firefox, Android' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
      await expect(page.getByText('“Firefox, Android” was removed')).toBeVisible();
      await expect(page.getByTestId('devices').getByRole('listitem')).toHaveCount(2);
    },
    'backup',
  ),
  {
    name: 'this-device-removed',
    scenario: 'removed',
    async go(page) {
      await page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
      await page.getByRole('button', { name: 'Unlock' }).click();
      await expect(page.getByText('This device was removed from the wallet')).toHaveCount(1);
      await page.getByRole('alert').getByRole('button', { name: 'Delete wallet' }).click();
      await expect(page.getByText(/Your other devices go on/)).toBeVisible();
    },
  },
  opened('device-add', '#/settings', (page) => page.getByRole('button', { name: 'Add a device' }).click(), 'backup'),
  opened(
    'device-code',
    '#/settings',
    async (page) => {
      await adding(page);
      await expect(page.getByRole('img', { name: 'QR code for the new device' })).toBeVisible();
    },
    'backup',
  ),
  {
    name: 'device-code-passkey',
    scenario: 'passkeyBackup',
    async go(page) {
      await page.getByRole('button', { name: 'Unlock with a passkey' }).click();
      await expect(page.getByTestId('everyday')).toBeVisible();
      await page.evaluate(() => (location.hash = '#/settings'));
      await page.getByRole('button', { name: 'Add a device' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Use a passkey' }).click();
      await expect(page.getByRole('img', { name: 'QR code for the new device' })).toBeVisible();
    },
  },
  opened(
    'device-number',
    '#/settings',
    async (page) => {
      await adding(page);
      await expect(page.getByText(/Firefox, Android” has read the code/)).toBeVisible();
    },
    'backup&joins',
  ),
  opened(
    'device-sent',
    '#/settings',
    async (page) => {
      await adding(page);
      await page.getByLabel('Number on the new device').fill('482913');
      await page.keyboard.press('Enter');
      await expect(page.getByText('The new device has it')).toBeVisible();
    },
    'backup&joins',
  ),
];
