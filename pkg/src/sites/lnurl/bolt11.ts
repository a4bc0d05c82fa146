/** The one field of an invoice (BOLT 11) that LNURL-pay needs; everything else of it the wallet reads. */

import { taggedHash } from '../../base/bolt11.ts';

/**
 * The hash of the description in an invoice (BOLT 11, tag `h`), in hex; `null` when it has none. The wallet has checked the
 * invoice.
 */
export const descriptionHash = (invoice: string): string | null => taggedHash(invoice, 'h');
