/**
 * Being paid, on servers whose handlers take a `Request` and give a `Response` (Node.js, Deno, Bun, Workers): HTTP 402, and a
 * gateway's API. Nothing happens at import.
 * @module amplet/server
 */

export { paywall, walletInvoices, type PaidHandler, type PaywallOptions } from './sites/server/paywall.ts';
export type { Invoices, IssuedInvoice, PaidRequest, UsedCharges } from './sites/server/types.ts';
export {
  GatewayApi,
  GatewayError,
  readWebhook,
  type ApiInvoice,
  type ApiPayment,
  type NewInvoice,
  type WebhookCall,
} from './sites/server/gateway.ts';
export type { Json } from './sites/wire.ts';
