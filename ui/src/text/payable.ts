/** What in a text looks like something to be paid; the engine says what it is. */

const CANDIDATES = [
  // Links of wallets, whole.
  /(?:web\+)?(?:lightning|lnurl[pwc]?):[^\s"'<>]+/i,
  /bitcoin:[^\s"'<>]+/i,
  // Invoices, offers, LNURLs.
  /\bln(?:bc|tbs?|bcrt)\d*[munp]?1[02-9ac-hj-np-z]{50,}/i,
  /\blno1[02-9ac-hj-np-z]{20,}/i,
  /\blnurl1[02-9ac-hj-np-z]{20,}/i,
  // Addresses.
  /\b(?:bc|tb|bcrt)1[02-9ac-hj-np-z]{20,90}\b/i,
];

/** Returns the first thing in `text` that looks payable; `null`: there is none. */
export function payableIn(text: string): string | null {
  for (const candidate of CANDIDATES) {
    const [found] = candidate.exec(text) ?? [];
    if (found !== undefined) return found;
  }
  return null;
}
