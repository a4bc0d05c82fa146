/** The wallet's screens on the pretended engine, and the way to each. */

import { expect, type Page } from '@playwright/test';

export const PASSPHRASE = 'a quiet river under the bridge';
export const WORDS = 'legal winner thank year wave crane crater robot river lemon zebra yellow';

export interface Place {
  name: string;
  scenario: string;
  go(page: Page): Promise<void>;
}

export const unlock = async (page: Page) => {
  await page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await page.getByRole('button', { name: 'Unlock', exact: true }).click();
  await expect(page.getByTestId('everyday')).toBeVisible();
};

export const opened = (
  name: string,
  hash: string,
  then: (page: Page) => Promise<void> = async () => {},
  scenario = 'full',
): Place => ({
  name,
  scenario,
  async go(page) {
    await unlock(page);
    await page.evaluate((target) => (location.hash = target), hash);
    // Screens are fetched when they are asked for.
    await expect(page).toHaveTitle(new RegExp(`^${/\w+/.exec(hash)?.[0]} ·`, 'i'));
    await expect(page.getByText('Loading …', { exact: true })).toHaveCount(0);
    await then(page);
  },
});

export const pay = async (page: Page, text: string) => {
  await page.getByLabel('Invoice or address').fill(text);
  await page.getByRole('button', { name: 'Continue' }).click();
};

const startCreating = async (page: Page) => {
  await page.getByRole('link', { name: 'Create a wallet' }).click();
  await page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
  await page.getByLabel('Repeat the passphrase').fill(PASSPHRASE);
};

export const toWords = async (page: Page) => {
  await startCreating(page);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('button', { name: /Show the words/ }).click();
};

/** The words are to be written down afterwards. */
const createByPasskey = async (page: Page) => {
  await page.getByRole('link', { name: 'Create a wallet' }).click();
  await page.getByRole('button', { name: 'Create with a passkey' }).click();
  await expect(page.getByText('Write down your recovery words')).toBeVisible();
};

const addPasskey = async (page: Page) => {
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await expect(page.getByRole('dialog').getByLabel('Name of the passkey')).toBeVisible();
};

const removePasskey = async (page: Page) => {
  await page.getByRole('button', { name: 'Remove Laptop' }).click();
  await expect(page.getByRole('dialog').getByText('“Laptop” opens this wallet no more')).toBeVisible();
};

const changePassphrase = async (page: Page) => {
  await page.getByRole('button', { name: 'Change passphrase' }).click();
  await expect(page.getByRole('dialog').getByLabel('Current passphrase')).toBeVisible();
};

export const PLACES: Place[] = [
  { name: 'welcome', scenario: 'none', go: async () => {} },
  { name: 'blocked', scenario: 'blocked', go: async () => {} },
  { name: 'create-passphrase', scenario: 'none', go: startCreating },
  { name: 'create-words', scenario: 'none', go: toWords },
  { name: 'create-passkey', scenario: 'none', go: createByPasskey },
  { name: 'unlock-passkey', scenario: 'passkey', go: async () => {} },
  { name: 'unlock-both', scenario: 'passkeys', go: async () => {} },
  opened('settings-passkeys', '#/settings', async () => {}, 'passkeys'),
  opened('settings-passkey-add', '#/settings', addPasskey, 'passkeys'),
  opened('settings-passkey-remove', '#/settings', removePasskey, 'passkeys'),
  opened('settings-passphrase-change', '#/settings', changePassphrase, 'passkeys'),
  opened('home-soon', '#/home', async () => {}, 'soon'),
  {
    name: 'create-check-wrong',
    scenario: 'none',
    async go(page) {
      await toWords(page);
      await page.getByRole('button', { name: 'I have written them down' }).click();
      await page.getByLabel(/^Word/).first().fill('cra');
      await page.getByRole('button', { name: 'Create wallet' }).click();
      await expect(page.getByText(/This is not word/).first()).toBeVisible();
    },
  },
  {
    name: 'restore',
    scenario: 'none',
    async go(page) {
      await page.getByRole('link', { name: 'Restore from words' }).click();
      await page.getByLabel('Your words').fill(WORDS.replace('robot', 'robbot'));
      await page.getByRole('button', { name: 'Restore wallet' }).click();
      await expect(page.getByText(/Word 8/)).toBeVisible();
    },
  },
  { name: 'unlock', scenario: 'full', go: async () => {} },
  {
    name: 'unlock-wrong',
    scenario: 'full',
    async go(page) {
      await page.getByLabel('Passphrase', { exact: true }).fill('something else');
      await page.getByRole('button', { name: 'Unlock', exact: true }).click();
      await page.getByText('Forgot the passphrase?').click();
      await expect(page.getByText(/does not open the wallet/)).toBeVisible();
    },
  },
  opened('home', '#/home'),
  opened('home-new', '#/home', async () => {}, 'new'),
  {
    name: 'home-disk-full',
    scenario: 'full',
    async go(page) {
      await page.evaluate(() =>
        Object.defineProperty(navigator.storage, 'estimate', {
          value: async () => ({ quota: 5_000_000, usage: 4_000_000 }),
        }),
      );
      await unlock(page);
      await expect(page.getByText('The disk is almost full')).toBeVisible();
    },
  },
  opened('home-down', '#/home', async () => {}, 'down'),
  opened('home-old-copy', '#/home', async () => {}, 'oldCopy'),
  opened('home-other-installation', '#/home', async () => {}, 'otherInstallation'),
  opened('channels-old-copy', '#/channels', async () => {}, 'oldCopy'),
  opened('home-fiat', '#/home', (page) => expect(page.getByTestId('fiat').first()).toBeVisible(), 'fiat'),
  opened('settings-fiat', '#/settings', async () => {}, 'fiat'),
  opened('home-lost', '#/home', async () => {}, 'lost'),
  opened('channels-lost', '#/channels', async () => {}, 'lost'),
  opened(
    'channels-lost-asked',
    '#/channels',
    async (page) => {
      await page.getByRole('button', { name: /close them/ }).click();
      await expect(page.getByRole('button', { name: 'Leave them open' })).toBeVisible();
    },
    'lost',
  ),
  opened('connection', '#/home', (page) => page.getByTestId('connection').click()),
  opened('connection-down', '#/home', (page) => page.getByTestId('connection').click(), 'down'),
  opened('pay', '#/pay'),
  opened('pay-garbage', '#/pay', async (page) => {
    await pay(page, 'hello there');
    await expect(page.getByRole('alert')).toBeVisible();
  }),
  opened('pay-preview', '#/pay', async (page) => {
    await pay(page, 'lnbcrt1');
    await expect(page.getByTestId('preview')).toBeVisible();
  }),
  opened('pay-any-amount', '#/pay', async (page) => {
    await pay(page, 'lnbcrt1any');
    await page.getByLabel('Amount (you choose)').fill('900000');
    await expect(page.getByText(/More than you can pay now/)).toBeVisible();
  }),
  opened('pay-expired', '#/pay', async (page) => {
    await pay(page, 'lnbcrt1old');
    await expect(page.getByText(/This invoice has expired/)).toBeVisible();
  }),
  opened('pay-done', '#/pay', async (page) => {
    await pay(page, 'lnbcrt1');
    await page.getByRole('button', { name: /^Pay / }).click();
    await expect(page.getByTestId('pay-done')).toBeVisible();
    await page.getByText('Technical details').click();
    await expect(page.getByTestId('preimage')).toBeVisible();
  }),
  opened('pay-live', '#/pay', async (page) => {
    await pay(page, 'lnbcrt1partsheld');
    await page.getByRole('button', { name: /^Pay / }).click();
    await expect(page.getByRole('img', { name: /Arrived: 1, in flight: 1, came back: 1/ })).toBeVisible();
  }),
  opened('pay-parts', '#/pay', async (page) => {
    await pay(page, 'lnbcrt1parts');
    await page.getByRole('button', { name: /^Pay / }).click();
    await expect(page.getByTestId('pay-done')).toBeVisible();
    await expect(
      page.getByRole('img', { name: /Parts: 3, gateways: 2. Arrived: 2, in flight: 0, came back: 1/ }),
    ).toBeVisible();
    await page.getByText('The parts one by one').focus();
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('flow-parts').getByRole('listitem')).toHaveCount(3);
    await expect(page.getByTestId('flow-parts')).toContainText('channel 812001x3x1 did not carry it');
  }),
  opened('pay-many-parts', '#/pay', async (page) => {
    await pay(page, 'lnbcrt1hundreds');
    await page.getByRole('button', { name: /^Pay / }).click();
    await expect(page.getByTestId('pay-pending')).toBeVisible();
    await expect(page.getByRole('img', { name: /Parts: 135, gateways: 2/ })).toBeVisible();
  }),
  ...[2, 20, 1_000].flatMap((count) => [
    opened(`pay-${count}-parts-live`, '#/pay', async (page) => {
      await pay(page, `lnbcrt1x${count}partsheld`);
      await page.getByRole('button', { name: /^Pay / }).click();
      await expect(page.getByTestId('progress')).toBeVisible();
      await expect(page.getByRole('img', { name: `Parts: ${count.toLocaleString('en')},` })).toBeVisible();
    }),
    opened(`pay-${count}-parts`, '#/pay', async (page) => {
      await pay(page, `lnbcrt1x${count}parts`);
      await page.getByRole('button', { name: /^Pay / }).click();
      await expect(page.getByTestId('pay-done')).toBeVisible();
      const picture = page.getByRole('img', { name: `Parts: ${count.toLocaleString('en')},` });
      await expect(picture).toHaveAccessibleName(/in flight: 0/);
      expect(await picture.locator('*').count()).toBeLessThan(400);
    }),
  ]),
  opened('pay-1000-parts-listed', '#/pay', async (page) => {
    await pay(page, 'lnbcrt1x1000parts');
    await page.getByRole('button', { name: /^Pay / }).click();
    await expect(page.getByTestId('pay-done')).toBeVisible();
    const groups = page.getByTestId('flow-groups');
    await expect(groups.locator('> li')).toHaveCount(3);
    await groups
      .getByText(/^Channel .*, parts: 167/)
      .first()
      .click();
    await expect(page.getByTestId('flow-parts').getByRole('listitem')).toHaveCount(50);
    await page.getByRole('button', { name: 'Show more' }).click();
    await expect(page.getByTestId('flow-parts').getByRole('listitem')).toHaveCount(100);
  }),
  opened('pay-failed', '#/pay', async (page) => {
    await pay(page, 'lnbcrt1fail');
    await page.getByRole('button', { name: /^Pay / }).click();
    await expect(page.getByTestId('pay-failed')).toBeVisible();
  }),
  opened('send', '#/pay', async (page) => {
    await pay(page, 'bcrt1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqvg32hk');
    await page.getByLabel('Amount', { exact: true }).fill('120000');
    await page.getByRole('button', { name: 'Preview the cost' }).click();
    await expect(page.getByTestId('fee')).toBeVisible();
  }),
  opened('scan', '#/pay', async (page) => {
    await page.getByRole('button', { name: 'Scan' }).click();
    await expect(page.getByText('Or read a picture')).toBeVisible();
  }),
  opened('history', '#/history', (page) => expect(page.getByTestId('payment').first()).toBeVisible()),
  opened('history-empty', '#/history', async () => {}, 'new'),
  opened('history-payment', '#/history', (page) => page.getByTestId('payment').filter({ hasText: 'coffees' }).click()),
  opened('history-waiting', '#/history', async (page) => {
    await expect(page.getByRole('heading', { name: 'Waiting to be paid' })).toBeVisible();
    const waiting = page.getByTestId('payment').filter({ hasText: 'Rent of the boat' });
    await expect(waiting).not.toContainText('+');
    await waiting.click();
    await expect(page.getByRole('img', { name: 'QR code of the invoice' })).toBeVisible();
    await expect(page.getByRole('button', { name: 'Copy invoice' })).toBeVisible();
  }),
  opened('history-note', '#/history', async (page) => {
    const row = page.getByTestId('payment').filter({ hasText: 'Cinema' });
    await row.click();
    await page.getByLabel('Note').fill('With Lea');
    await page.keyboard.press('Enter');
    await expect(page.getByText('Kept.')).toBeVisible();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await expect(page.getByRole('dialog')).toBeHidden();
    await page.getByLabel('Search').fill('lea');
    await expect(page.getByTestId('payment')).toHaveCount(1);
    await expect(row).toBeVisible();
    await row.click();
    await expect(page.getByLabel('Note')).toHaveValue('With Lea');
  }),
  opened('history-search', '#/history', async (page) => {
    // The newest is ten minutes old: just after midnight it is yesterday's.
    await expect(page.getByRole('heading', { name: /^(Today|Yesterday)$/ })).not.toHaveCount(0);
    await page.getByLabel('Search').fill('train');
    await expect(page.getByTestId('payment')).toHaveCount(1);
  }),
  opened(
    'history-bump-less',
    '#/history',
    async (page) => {
      await page.getByTestId('payment').filter({ hasText: 'Sent from savings' }).click();
      await page.getByRole('button', { name: 'Speed up' }).click();
      await page.getByRole('button', { name: 'Take the fee from the amount' }).click();
      await expect(page.getByTestId('bump-amount')).toHaveText(/48,738/);
    },
    'sentAll',
  ),
  opened('history-failed', '#/history', (page) => page.getByTestId('payment').filter({ hasText: 'Bicycle' }).click()),
  opened('history-parts', '#/history', async (page) => {
    await page.getByTestId('payment').filter({ hasText: 'Train tickets' }).click();
    await page.getByText('The parts one by one').click();
    await expect(page.getByTestId('flow-parts').getByRole('listitem')).toHaveCount(3);
  }),
  opened('budgets', '#/budgets', (page) => expect(page.getByTestId('budget')).toHaveCount(5)),
  opened(
    'budgets-none',
    '#/budgets',
    (page) => expect(page.getByText('Nothing was spent in this time.')).toBeVisible(),
    'new',
  ),
  opened('budget-new', '#/budgets', async (page) => {
    await page.getByRole('button', { name: 'New budget' }).click();
    await page.getByLabel('Name').fill('Lea');
    await page.getByRole('button', { name: 'Create budget' }).click();
    await expect(page.getByText('Give a limit for a time or in total')).toBeVisible();
  }),
  opened('budget-change', '#/budgets', async (page) => {
    await page
      .getByTestId('budget')
      .filter({ hasText: 'film.example' })
      .getByRole('button', { name: 'Change limits' })
      .click();
    await expect(page.getByLabel('At most')).toHaveValue('2000');
  }),
  opened('budget-close', '#/budgets', (page) => page.getByRole('button', { name: 'Close budget' }).first().click()),
  opened('channels', '#/channels'),
  opened('channels-empty', '#/channels', async () => {}, 'new'),
  opened('channel-open', '#/channels/open', async (page) => {
    await page.getByLabel('Amount', { exact: true }).fill('500000');
    await page.getByRole('button', { name: 'Preview the cost' }).click();
    await expect(page.getByTestId('fee')).toBeVisible();
  }),
  opened(
    'channel-open-empty',
    '#/channels/open',
    (page) => expect(page.getByText('There is nothing in savings to add')).toBeVisible(),
    'new',
  ),
  opened('channel-open-all', '#/channels/open', async (page) => {
    await page.getByRole('button', { name: 'All of it' }).click();
    await expect(page.getByLabel('Amount', { exact: true })).toHaveValue(/^147\d{4}$/);
    await page.getByRole('button', { name: 'Preview the cost' }).click();
    await expect(page.getByTestId('fee')).toBeVisible();
  }),
  opened('channel-request', '#/channels/request', async () => {}, 'new'),
  opened(
    'channel-request-token',
    '#/channels/request',
    (page) => expect(page.getByText('This gateway does this only with a token.')).toBeVisible(),
    'tokens',
  ),
  opened('channel-close', '#/channels', (page) =>
    page.getByRole('button', { name: 'Move to savings' }).first().click(),
  ),
  opened('channel-force', '#/channels', async (page) => {
    await page.getByRole('button', { name: 'Move to savings' }).first().click();
    await page.getByRole('button', { name: /Close by force/ }).click();
  }),
  opened('settings', '#/settings'),
  opened('settings-gateway', '#/settings', async (page) => {
    await page.getByRole('button', { name: 'Add gateway' }).click();
    await page.getByLabel('Address').fill('02abc@http://wrong');
    await page.getByRole('button', { name: 'Add gateway' }).click();
    await expect(page.getByText(/Write 66 hexadecimal digits/)).toBeVisible();
  }),
  opened('settings-passphrase', '#/settings', (page) =>
    page.getByRole('button', { name: 'Change passphrase' }).click(),
  ),
  opened('settings-words', '#/settings', async (page) => {
    await page.getByRole('button', { name: 'Show the words' }).click();
    await page.getByLabel('Passphrase', { exact: true }).fill(PASSPHRASE);
    await page.keyboard.press('Enter');
    await expect(page.getByTestId('words').locator('b')).toHaveText(WORDS.split(' '));
  }),
  opened('settings-delete', '#/settings', (page) => page.getByRole('button', { name: 'Delete wallet' }).click()),
];
