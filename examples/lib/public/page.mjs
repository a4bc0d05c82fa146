/** Functions that all pages share: requests to their server, and payments by the browser's wallet or by a phone. */

/** A request that the server refused. */
export class Refused extends Error {
  /** @param {string} message @param {number} status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * Asks this page's own server.
 *
 * @param {string} path
 * @param {object} [body] Sent as JSON by POST.
 * @returns {Promise<any>}
 */
export async function ask(path, body) {
  const response = await fetch(
    path,
    body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
  );
  const answer = await response.json();
  if (!response.ok) throw new Refused(answer.message, response.status);
  return answer;
}

/**
 * An element of the page that is there.
 *
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function part(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return found;
}

/** The wallet in this browser, once it was allowed; `null` when there is none. */
export async function wallet() {
  if (!window.webln) return null;
  await window.webln.enable();
  return window.webln;
}

/** @param {number | string | bigint} msat */
export const sat = (msat) => `${new Intl.NumberFormat().format(Number(msat) / 1000)} sat`;

/**
 * Shows an invoice in a dialog and waits until the server says that it is paid.
 *
 * @param {{ title: string, amountMsat: string, invoice: string, qr: string, wait: string }} due `wait` returns `{state}`, late
 * @returns {Promise<boolean>} Whether it was paid; `false`: the dialog was closed, or the invoice expired.
 */
export async function checkout({ title, amountMsat, invoice, qr, wait }) {
  const dialog = document.createElement('dialog');
  dialog.className = 'checkout';
  dialog.setAttribute('aria-labelledby', 'checkout-title');
  dialog.innerHTML = `
    <h2 id="checkout-title"></h2>
    <p class="price"></p>
    <button class="primary" data-do="wallet">Pay with this browser's wallet</button>
    <p class="note" role="status"></p>
    <details><summary>Pay with a phone</summary>
      <a data-part="link"><img alt="QR code of the invoice" width="240" height="240"></a>
      <p class="row"><code></code><button data-do="copy">Copy</button></p>
    </details>
    <button data-do="close">Cancel</button>`;
  /** @param {string} name */
  const find = (name) => /** @type {HTMLElement} */ (dialog.querySelector(name));
  const status = find('[role=status]');
  find('h2').textContent = title;
  find('.price').textContent = sat(amountMsat);
  find('code').textContent = invoice;
  find('img').setAttribute('src', qr);
  find('[data-part=link]').setAttribute('href', `lightning:${invoice}`);
  const button = /** @type {HTMLButtonElement} */ (find('[data-do=wallet]'));
  const details = /** @type {HTMLDetailsElement} */ (find('details'));
  details.open = !window.webln;
  button.hidden = !window.webln;
  button.addEventListener('click', async () => {
    button.disabled = true;
    status.textContent = 'Waiting for the wallet…';
    try {
      await (await wallet())?.sendPayment(invoice);
      status.textContent = 'Sent. Waiting until it is seen here…';
    } catch (error) {
      status.textContent = `The wallet did not pay: ${error instanceof Error ? error.message : String(error)}`;
      button.disabled = false;
    }
  });
  find('[data-do=copy]').addEventListener('click', async () => {
    await navigator.clipboard.writeText(invoice);
    status.textContent = 'Copied.';
  });
  find('[data-do=close]').addEventListener('click', () => dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  const paid = await decided(wait, dialog, status);
  dialog.close();
  dialog.remove();
  return paid;
}

/**
 * @param {string} wait
 * @param {HTMLDialogElement} dialog
 * @param {HTMLElement} status
 */
async function decided(wait, dialog, status) {
  while (dialog.open) {
    try {
      const { state } = await ask(wait);
      if (state === 'paid') return true;
      if (state === 'expired') return false;
    } catch (error) {
      status.textContent = error instanceof Error ? error.message : String(error);
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
  return false;
}
