/**
 * A button and a code for an invoice, as a custom element without a framework. Nothing happens at import: call {@link definePay}.
 * @module amplet/pay
 */

export { definePay, type PayElement } from './sites/pay/element.ts';
export { ENGLISH, type PayState, type PayTexts } from './sites/pay/view.ts';
export type { WeblnLike } from './sites/webln/payer.ts';
