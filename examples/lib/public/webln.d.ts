/** The part of WebLN that these pages use. */
interface WebLN {
  enable(): Promise<void>;
  sendPayment(invoice: string): Promise<{ preimage: string }>;
  makeInvoice(args: { amount?: number | string; defaultMemo?: string }): Promise<{ paymentRequest: string }>;
  keysend?(args: {
    destination: string;
    amount: number | string;
    customRecords?: Record<string, string>;
  }): Promise<{ preimage: string }>;
}

interface Window {
  webln?: WebLN;
}
