/** The client's side by hand, with nothing but WebLN. A wallet's own paying fetch does the same. */

import { part, wallet } from './page.mjs';

const said = part('said', HTMLElement);
part('curl', HTMLElement).textContent = `curl -i ${location.origin}/api/fortune\ncurl -i ${location.origin}/api/joke`;
part('fortune', HTMLButtonElement).addEventListener('click', () => run(fortune));
part('joke', HTMLButtonElement).addEventListener('click', () => run(joke));

/** The credential of this visit. @type {string | null} */
let credential = null;

/** @param {() => Promise<string>} work */
async function run(work) {
  said.className = 'note';
  said.textContent = 'Asking…';
  try {
    said.textContent = await work();
    said.className = 'note good';
  } catch (error) {
    said.textContent = error instanceof Error ? error.message : String(error);
    said.className = 'note bad';
  }
  said.scrollIntoView({ block: 'nearest' });
}

/** @param {string} invoice */
async function pay(invoice) {
  const paying = await wallet();
  if (!paying)
    throw new Error(
      '402: this costs money, and there is no wallet in this browser. Install one, or use the lines below.',
    );
  return (await paying.sendPayment(invoice)).preimage;
}

/** @param {string} path @param {string | null} authorization */
const get = (path, authorization) =>
  fetch(path, { cache: 'no-store', headers: authorization ? { authorization } : {} });

/** @param {string} header @param {string} name */
function parameter(header, name) {
  const value = new RegExp(`${name}="([^"]*)"`).exec(header)?.[1];
  if (!value) throw new Error(`The challenge has no ${name}.`);
  return value;
}

async function fortune() {
  let response = await get('/api/fortune', credential);
  if (response.status === 402) {
    const challenge = response.headers.get('www-authenticate') ?? '';
    credential = `L402 ${parameter(challenge, 'token')}:${await pay(parameter(challenge, 'invoice'))}`;
    response = await get('/api/fortune', credential);
  }
  return (await response.json()).fortune;
}

async function joke() {
  let response = await get('/api/joke', null);
  if (response.status === 402) {
    const header = response.headers.get('www-authenticate') ?? '';
    const names = ['expires', 'id', 'intent', 'method', 'realm', 'request'];
    const challenge = Object.fromEntries(names.map((name) => [name, parameter(header, name)]));
    const base64 = parameter(header, 'request').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    const request = JSON.parse(new TextDecoder().decode(bytes));
    const preimage = await pay(request.methodDetails.invoice);
    const token = btoa(JSON.stringify({ challenge, payload: { preimage } }));
    response = await get('/api/joke', `Payment ${token.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')}`);
  }
  return (await response.json()).joke;
}
