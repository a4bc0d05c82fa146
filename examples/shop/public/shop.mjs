import { ask, checkout, part, sat } from './page.mjs';

const outcome = part('outcome', HTMLElement);
const { products } = await ask('/api/products');
part('products', HTMLUListElement).append(...products.map(card));

/** @param {{ id: string, name: string, text: string, amountMsat: string }} product */
function card(product) {
  const item = document.createElement('li');
  item.className = 'card';
  item.innerHTML =
    '<img class="picture" alt="" width="64" height="64"><h2></h2><p></p><p class="price"></p><button class="primary"></button>';
  /** @param {string} name @param {string} text */
  const write = (name, text) => {
    const found = item.querySelector(name);
    if (found) found.textContent = text;
  };
  item.querySelector('img')?.setAttribute('src', `${product.id}.svg`);
  write('h2', product.name);
  write('p', product.text);
  write('.price', sat(product.amountMsat));
  write('button', `Buy ${product.name.toLowerCase()}`);
  item.querySelector('button')?.addEventListener('click', () => buy(product).catch(tell));
  return item;
}

/** @param {unknown} error */
function tell(error) {
  outcome.className = 'note bad';
  outcome.textContent = error instanceof Error ? error.message : String(error);
}

/** @param {{ id: string, name: string }} product */
async function buy(product) {
  outcome.textContent = '';
  const order = await ask('/api/orders', { product: product.id, order: crypto.randomUUID() });
  const path = `/api/orders/${order.id}`;
  const paid = await checkout({
    title: product.name,
    amountMsat: order.amountMsat,
    invoice: order.invoice,
    qr: `${path}/qr.svg`,
    wait: `${path}?wait=25`,
  });
  outcome.className = paid ? 'note good' : 'note';
  outcome.textContent = paid ? `Paid. Your ${product.name.toLowerCase()} is on its way.` : 'Nothing was ordered.';
  if (!paid) return;
  const line = document.createElement('li');
  line.textContent = `${product.name}: ${order.order}`;
  part('list', HTMLUListElement).append(line);
  part('orders', HTMLElement).hidden = false;
}
