/** A 402 without a challenge that can be read: what was found in its place, and what the site has to send. */

import { bad } from './challenge.ts';
import type { PaidFetchError } from './errors.ts';

/** Maximum size of a body that is looked at, in bytes, and time that it may take, in milliseconds. */
const MAX_BODY = 65_536;
const BODY_MS = 3_000;

/** Names under which servers put an invoice into the body. */
const INVOICE_NAMES = ['invoice', 'pr', 'paymentRequest', 'payment_request'];

/** The error for such a 402, which leaves its body to be read. */
export async function unreadable(response: Response): Promise<PaidFetchError> {
  if (response.headers.has('payment-required'))
    return bad('asks for it by PAYMENT-REQUIRED (x402), which this wallet does not pay', { response });
  if (response.type === 'cors') {
    const what =
      'lets this page see no challenge: the browser hides the header from other sites until the server sends ' +
      '"Access-Control-Expose-Headers: WWW-Authenticate"';
    return bad(what, { response });
  }
  if (await holdsInvoice(response)) {
    const what =
      'sends an invoice in the body and no challenge, so that nothing says how a payment is proved: it has to send ' +
      'WWW-Authenticate with L402 or Payment';
    return bad(what, { response });
  }
  return bad('sends no WWW-Authenticate header with what it asks for', { response });
}

async function holdsInvoice(response: Response): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLong = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), BODY_MS)));
  const reader = response.clone().body?.getReader();
  try {
    const body: unknown = JSON.parse((await Promise.race([textOf(reader), tooLong])) ?? '');
    if (typeof body !== 'object' || body === null) return false;
    return INVOICE_NAMES.some((name) => typeof (body as Record<string, unknown>)[name] === 'string');
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    // Not waited for: it ends with the body that it is a clone of.
    void reader?.cancel().catch(() => {});
  }
}

/** The whole text; `null`: there is too much of it. */
async function textOf(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): Promise<string | null> {
  const decoder = new TextDecoder();
  let [text, size] = ['', 0];
  for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
    size += part.value.length;
    if (size > MAX_BODY) return null;
    text += decoder.decode(part.value, { stream: true });
  }
  return text;
}
